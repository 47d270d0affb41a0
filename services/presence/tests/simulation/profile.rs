//! What kind of schedule one is: which things go wrong in it, how often, and for how long.

use muster_testkit::Dice;

/// Something that may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Connect,
    Disconnect,
    Rush,
    EndLink,
    EndLinkOnOneSide,
    Cut,
    CutOneWay,
    Split,
    Heal,
    Kill,
    LosePower,
    Start,
    Pause,
    Resume,
    Leave,
    LoseEtcd,
    EmptyEtcd,
    RestoreEtcd,
}

/// Things that belong together, how often each happens, and in which share of the schedules: one in so many.
const CLASSES: [(usize, &[(Kind, usize)]); 7] = [
    (2, &[(Kind::EndLink, 4), (Kind::EndLinkOnOneSide, 2)]),
    (
        2,
        &[
            (Kind::Cut, 3),
            (Kind::CutOneWay, 3),
            (Kind::Split, 2),
            (Kind::Heal, 5),
        ],
    ),
    (2, &[(Kind::Kill, 4), (Kind::Start, 4)]),
    (3, &[(Kind::LosePower, 4), (Kind::Start, 3)]),
    (2, &[(Kind::Pause, 3), (Kind::Resume, 3)]),
    (2, &[(Kind::Leave, 3), (Kind::Start, 2)]),
    (
        3,
        &[
            (Kind::LoseEtcd, 2),
            (Kind::EmptyEtcd, 2),
            (Kind::RestoreEtcd, 2),
        ],
    ),
];
const ALWAYS: [(Kind, usize); 3] = [(Kind::Connect, 10), (Kind::Disconnect, 7), (Kind::Rush, 1)];

/// What kind of schedule this is. Few things at once go wrong in each: what goes wrong together is found better so than
/// by everything everywhere.
#[derive(Debug)]
pub(crate) struct Profile {
    pub(crate) nodes: usize,
    pub(crate) users: usize,
    /// Things that happen, each as many times as it is frequent.
    pub(crate) kinds: Vec<Kind>,
    /// The most time between two of them.
    pub(crate) gap_ms: usize,
    /// How long they go on.
    pub(crate) trouble_ms: u64,
    pub(crate) latency_ms: usize,
    /// One message in so many is lost, another one comes twice, as TCP never lets happen.
    pub(crate) loss: Option<usize>,
    /// Whether what devices tell is so much that votes do not fit into one message.
    pub(crate) is_bulky: bool,
    /// Whether it is watched at the end for so long that the dead are forgotten.
    pub(crate) is_long: bool,
}

impl Profile {
    pub(crate) fn roll(dice: &mut Dice) -> Profile {
        let mut kinds = Vec::new();
        let mut add = |kinds_of: &[(Kind, usize)]| {
            for (kind, times) in kinds_of {
                kinds.extend(std::iter::repeat_n(*kind, *times));
            }
        };
        add(&ALWAYS);
        let alone = dice.once_in(4).then(|| dice.within(0..CLASSES.len()));
        for (number, (times, class)) in CLASSES.iter().enumerate() {
            if alone.map_or_else(|| dice.once_in(*times), |alone| alone == number) {
                add(class);
            }
        }
        let is_bulky = dice.once_in(20);
        Profile {
            nodes: *dice.one_of(&[2, 2, 3, 3, 3, 4, 5]),
            users: if is_bulky { 5 } else { dice.within(1..5) },
            kinds,
            gap_ms: *dice.one_of(&[40, 150, 400, 1_500]),
            trouble_ms: *dice.one_of(&[1_000, 2_500, 5_000, 9_000]),
            latency_ms: *dice.one_of(&[1, 5, 25]),
            loss: dice.once_in(8).then(|| *dice.one_of(&[3, 10, 40])),
            is_bulky,
            is_long: dice.once_in(500),
        }
    }
}
