//! One replica among others: its own votes, what it knows of theirs, and what it says to them.
//!
//! State is, per origin, a sequence number and the users it votes for. Each origin is written by itself alone, so
//! votes are merged by (incarnation, sequence) and nothing else: the same again changes nothing, what is missing is
//! noticed and asked for again. Replicas talk over links, in order; whoever wants the votes of an origin asks for
//! them, of the origin itself or, where that is out of reach, of anybody who has them.
//!
//! This is a state machine without a clock, a thread or a socket of its own: it is told what happens and when, and
//! asked what to say. So all that may happen to a cluster can be tried by a simulation (tests/simulation).

mod digest;
mod electorate;
mod last_seen;
mod linger;
mod link;
mod liveness;
mod log;
mod origins;
mod receive;
mod send;
mod sources;
mod vote;
mod votes;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use self::electorate::Electorate;
pub use self::electorate::UserId;
pub use self::last_seen::LAST_SEEN_MAX;
use self::last_seen::LastSeen;
use self::linger::Lingerers;
use self::link::Link;
pub use self::link::LinkId;
use self::origins::{Known, Origins, Slot};
pub use self::vote::Vote;
use crate::ballot::{Ballot, Device};
use crate::message::Life;
use crate::origin::Origin;
use crate::user::User;

/// How often [`Replica::tick`] is to be called.
pub const TICK_MS: u64 = 50;
/// How often an origin's heart beats, and replicas report.
pub const BEAT_MS: u64 = 100;
/// Silence after which an origin is suspect, and a link no source of votes.
pub const SUSPECT_MS: u64 = 1000;
/// Silence after which an origin is down, and a link dead.
pub const SILENCE_MS: u64 = 3000;
/// Silence after the end of a link, after which an origin is down: long enough for others to tell that they hear it.
pub const CUT_MS: u64 = 500;
/// How long the users of a replica that leaves have to come back on another one.
pub const HANDOVER_MS: u32 = 5000;
/// How long a replica that is gone is remembered.
pub const FORGET_MS: u64 = 60_000;
/// A time between calls that means that this process itself was stopped.
const STALL_MS: u64 = 500;

/// A moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds on a clock that never steps.
    pub ms: u64,
    /// Milliseconds since the Unix epoch.
    pub unix_ms: i64,
}

/// Something changed for a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// For whom.
    pub user: UserId,
    /// What.
    pub what: What,
    /// Whose vote made the difference.
    pub origin: Origin,
    /// Which of its votes; for one who went offline because the origin did, the last that it gave them.
    pub seq: u64,
    /// When, in milliseconds since the Unix epoch.
    pub at_unix_ms: i64,
}

/// What changed for a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// They came online.
    Online,
    /// They went offline.
    Offline,
    /// They are online as before, but their devices tell something else.
    Devices,
}

/// A replica as this one sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Which.
    pub origin: Origin,
    /// What is held of it.
    pub life: Life,
    /// For how many users it votes.
    pub users: usize,
    /// Its latest vote that is known.
    pub seq: u64,
    /// How many of its votes others have, and this one has not.
    pub behind: u64,
    /// Over all its votes.
    pub digest: u64,
}

/// What a link must be closed for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misbehaviour {
    /// Two replicas under one name would take each other's votes away.
    #[error("the other end says that it is {0} as well: give each replica an address of its own")]
    Myself(Arc<str>),
    /// More replicas than there may be.
    #[error("reports on {0} replicas, at most {max} are taken", max = origins::ORIGINS_MAX)]
    TooMany(usize),
}

/// A replica.
#[derive(Debug)]
pub struct Replica {
    origins: Origins,
    electorate: Electorate,
    lingerers: Lingerers,
    last_seen: LastSeen,
    links: BTreeMap<LinkId, Link>,
    links_opened: u64,
    /// Links that are to be closed.
    dead: Vec<LinkId>,
    /// None: discovery has not said yet.
    members: Option<BTreeSet<Arc<str>>>,
    /// Members that could not be reached when they were last tried.
    unreachable: BTreeSet<Arc<str>>,
    changes: Vec<Change>,
    is_new: bool,
    is_leaving: bool,
    clock: Clock,
    next_beat_ms: u64,
}

/// A clock that stands still while the process does: nobody is to be accused of that silence.
#[derive(Debug, Default)]
struct Clock {
    last_ms: u64,
    lost_ms: u64,
}

impl Clock {
    fn read(&mut self, now: Now) -> u64 {
        let passed = now.ms.saturating_sub(self.last_ms);
        if self.last_ms > 0 && passed > STALL_MS {
            self.lost_ms += passed - TICK_MS;
        }
        self.last_ms = self.last_ms.max(now.ms);
        now.ms.saturating_sub(self.lost_ms)
    }
}

impl Replica {
    /// A replica that has heard of nobody.
    #[must_use]
    pub fn new(me: Origin) -> Self {
        Self {
            origins: Origins::new(me),
            electorate: Electorate::default(),
            lingerers: Lingerers::default(),
            last_seen: LastSeen::default(),
            links: BTreeMap::new(),
            links_opened: 0,
            dead: Vec::new(),
            members: None,
            unreachable: BTreeSet::new(),
            changes: Vec::new(),
            is_new: true,
            is_leaving: false,
            clock: Clock::default(),
            next_beat_ms: 0,
        }
    }

    /// This replica. Its incarnation is raised when another one knows a later one of that name.
    #[must_use]
    pub fn me(&self) -> Option<&Origin> {
        self.origins.get(Slot::ME).map(|me| &me.origin)
    }

    /// The number of a user, if they have one.
    #[must_use]
    pub fn id(&self, user: &User) -> Option<UserId> {
        self.electorate.id(user)
    }

    /// The number of a user, who keeps it until they are [released](Self::release).
    pub fn intern(&mut self, user: &User) -> UserId {
        self.electorate.intern(user)
    }

    /// Whom a number stands for.
    #[must_use]
    pub fn user(&self, id: UserId) -> Option<&User> {
        self.electorate.user(id)
    }

    /// Nobody but those who vote for them needs the user's number any more. To be called for everybody who went
    /// offline, or they are kept for ever.
    pub fn release(&mut self, id: UserId) {
        self.electorate.release(id);
    }

    /// Whether anybody votes for them.
    #[must_use]
    pub fn is_online(&self, id: UserId) -> bool {
        self.electorate.is_online(id)
    }

    /// How many users are online.
    #[must_use]
    pub fn online_count(&self) -> usize {
        self.electorate.online()
    }

    /// Up to `max` users who are online, with numbers above `after`, and whether there are no more.
    #[must_use]
    pub fn online_page(&self, after: Option<UserId>, max: usize) -> (Vec<UserId>, bool) {
        self.electorate.page(after, max)
    }

    /// What the user's devices tell, on all replicas.
    #[must_use]
    pub fn devices(&self, id: UserId) -> Vec<Device> {
        let of_origin = |(_, known): (_, &Known)| known.devices.get(&id).cloned();
        let all = self.origins.all().filter_map(of_origin);
        all.flat_map(|devices| devices.to_vec()).collect()
    }

    /// How replicas vote for a user.
    #[must_use]
    pub fn vote(&self, user: &User) -> Vote {
        let id = self.id(user);
        let votes = || id.into_iter().flat_map(|id| self.electorate.votes(id));
        let voters = self.origins.all().filter(|(_, known)| known.votes());
        Vote {
            self_vote: votes().any(|vote| vote.slot == Slot::ME),
            votes_for: votes().filter(|vote| vote.slot != Slot::LINGER).count() as u32,
            total_voters: voters.count() as u32,
        }
    }

    /// When a user who is offline was last online, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn last_seen(&self, user: &User) -> Option<i64> {
        self.last_seen.get(user)
    }

    /// How this replica votes for a user.
    #[must_use]
    pub fn own_ballot(&self, id: UserId) -> Option<Ballot> {
        self.ballot(Slot::ME, id)
    }

    /// What changed for users since this was last asked, the oldest first.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// Which replicas discovery lists.
    pub fn list(&mut self, members: BTreeSet<Arc<str>>) {
        self.unreachable.retain(|member| members.contains(member));
        self.members = Some(members);
    }

    /// A member could not be reached: nobody waits to hear of it.
    pub fn unreachable(&mut self, member: Arc<str>) {
        self.unreachable.insert(member);
    }

    /// Whether it has not been [synced](Self::is_synced) yet.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Whether all is known that others know: discovery has listed the members, every member was heard or could not be reached, and so was everybody
    /// whom those know.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        let me = self.me().map(|me| &me.replica);
        let heard = |member: &Arc<str>| {
            let mut links = self.links.values();
            links.any(|link| link.is_with(member) && link.reports.is_some())
        };
        let settled = |member: &Arc<str>| {
            Some(member) == me || heard(member) || self.unreachable.contains(member)
        };
        let members = self.members.as_ref();
        members.is_some_and(|members| members.iter().all(settled))
            && self
                .origins
                .others()
                .all(|(_, known)| known.is_known || !known.votes())
    }

    /// All replicas that are known, this one first.
    #[must_use]
    pub fn replicas(&self) -> Vec<Peer> {
        let now_ms = self.clock.last_ms.saturating_sub(self.clock.lost_ms);
        let all = self.origins.all();
        all.map(|(_, known)| Peer {
            origin: known.origin.clone(),
            life: known.life(now_ms),
            users: known.users,
            seq: known.seq,
            behind: self.behind(known),
            digest: known.digest,
        })
        .collect()
    }

    fn behind(&self, known: &Known) -> u64 {
        let reports = self
            .links
            .values()
            .filter_map(|link| link.report(&known.origin.replica));
        let same = reports.filter(|report| report.origin == known.origin && report.is_known);
        let latest = same.map(|report| report.seq).max().unwrap_or_default();
        latest.saturating_sub(known.seq)
    }
}
