//! What a link is to be told, one message at a time: whoever sends asks for the next when there is room for it.

use super::electorate::Electorate;
use super::link::{Dump, Feed, Link, LinkId, sized};
use super::origins::{Known, Origins, Slot};
use super::{Now, Replica};
use crate::ballot::Ballot;
use crate::message::{Deltas, Hello, Life, Lingering, Message, Status};

/// Users in one message about those who linger or were last seen, at most.
const USERS_PER_MESSAGE: usize = 2000;

impl Replica {
    /// A link with another replica is open.
    pub fn open_link(&mut self, now: Now) -> LinkId {
        let now_ms = self.clock.read(now);
        self.links_opened += 1;
        let id = LinkId(self.links_opened);
        self.links.insert(id, Link::new(now_ms));
        id
    }

    /// What to say next on a link. None: nothing for now.
    pub fn next_message(&mut self, link: LinkId, now: Now) -> Option<Message> {
        let now_ms = self.clock.read(now);
        let link = self.links.get_mut(&link)?;
        if std::mem::take(&mut link.hello_is_due) {
            let origin = self.origins.get(Slot::ME)?.origin.clone();
            let is_new = self.is_new;
            return Some(Message::Hello(Hello { origin, is_new }));
        }
        if let Some(message) = link.queue.pop_front() {
            return Some(message);
        }
        if std::mem::take(&mut link.report_is_due) {
            let says =
                |(slot, known): (Slot, &Known)| report(slot, known, link, self.is_leaving, now_ms);
            let report: Vec<_> = self.origins.all().map(says).collect();
            link.has_said_farewell = report.first().is_some_and(|me| me.life == Life::Left);
            return Some(Message::Report(report));
        }
        next_votes(link, &self.origins, &self.electorate)
    }

    /// Tells a link what no origin will tell: who lingers, and when others were last seen.
    pub(super) fn tell_newcomer(&mut self, link: LinkId, now_ms: u64) {
        let Some(link) = self.links.get_mut(&link) else {
            return;
        };
        for (id, linger) in self.lingerers.all() {
            let Some(user) = self.electorate.user(id) else {
                continue;
            };
            let remaining_ms = linger.until_ms.saturating_sub(now_ms) as u32;
            let told = (user.clone(), linger.seq, remaining_ms);
            match link.queue.back_mut() {
                Some(Message::Lingering(last))
                    if last.origin == linger.origin && last.users.len() < USERS_PER_MESSAGE =>
                {
                    last.users.push(told);
                }
                _ => link.queue.push_back(Message::Lingering(Lingering {
                    origin: linger.origin.clone(),
                    users: vec![told],
                })),
            }
        }
        let seen = self.last_seen.all().map(|(user, at)| (user.clone(), at));
        let mut seen: Vec<_> = seen.collect();
        // A map has no order, and what a replica says is to follow from what it was told alone.
        seen.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let parts = seen.chunks(USERS_PER_MESSAGE);
        link.queue
            .extend(parts.map(|part| Message::LastSeen(part.to_vec())));
    }
}

/// What is said of an origin. That one leaves oneself is said behind one's last vote.
fn report(slot: Slot, known: &Known, link: &Link, is_leaving: bool, now_ms: u64) -> Status {
    let mut status = known.status(now_ms);
    if slot == Slot::ME {
        let is_told = match link.feeds.get(&slot) {
            Some(Feed::At(seq)) => *seq == known.seq,
            Some(_) => false,
            None => true,
        };
        let says_so = is_leaving && is_told;
        status.life = if says_so { Life::Left } else { Life::Up };
    }
    status
}

/// The next votes that the other end wants.
fn next_votes(link: &mut Link, origins: &Origins, electorate: &Electorate) -> Option<Message> {
    for (slot, feed) in &mut link.feeds {
        let Some(known) = origins.get(*slot).filter(|known| known.is_known) else {
            continue;
        };
        if let Some(message) = feed_on(feed, *slot, known, electorate) {
            return Some(message);
        }
    }
    None
}

fn feed_on(feed: &mut Feed, slot: Slot, known: &Known, electorate: &Electorate) -> Option<Message> {
    if let Feed::At(seq) = feed {
        match known.log.since(*seq) {
            Some(deltas) => return deltas_after(seq, deltas, known),
            None => *feed = Feed::Whole,
        }
    }
    if matches!(feed, Feed::Whole) {
        *feed = Feed::Dump(dump(slot, known, electorate));
    }
    let Feed::Dump(dump) = feed else {
        return None;
    };
    let (part, is_last) = dump.next();
    if is_last {
        *feed = Feed::At(dump.seq);
    }
    Some(Message::Ballots(part))
}

fn deltas_after<'a>(
    seq: &mut u64,
    deltas: impl Iterator<Item = &'a crate::ballot::Delta>,
    known: &Known,
) -> Option<Message> {
    let deltas = sized(deltas);
    if deltas.is_empty() {
        return None;
    }
    let first_seq = *seq + 1;
    *seq += deltas.len() as u64;
    Some(Message::Deltas(Deltas {
        origin: known.origin.clone(),
        first_seq,
        deltas,
    }))
}

fn dump(slot: Slot, known: &Known, electorate: &Electorate) -> Dump {
    let ballots: Vec<_> = electorate
        .voted_for(slot)
        .map(|(id, user, vote)| {
            let ballot = Ballot {
                grace_ms: vote.grace_ms,
                is_leaving: vote.is_leaving,
                devices: known.devices.get(&id).cloned(),
            };
            (user.clone(), vote.seq, ballot)
        })
        .collect();
    Dump {
        origin: known.origin.clone(),
        seq: known.seq,
        part: 0,
        ballots: ballots.into_iter(),
    }
}
