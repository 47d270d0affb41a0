//! What other replicas say.

use super::link::{Feed, Link, LinkId};
use super::origins::{End, Known, ORIGINS_MAX, Slot};
use super::{HANDOVER_MS, Misbehaviour, Now, Replica, SUSPECT_MS};
use crate::message::{Ballots, Deltas, From, Hello, Life, Lingering, Message, Status, Want};
use crate::origin::Origin;

/// The longest grace that another replica is believed, in milliseconds.
const GRACE_MS_MAX: u32 = 3_600_000;

impl Replica {
    /// Takes what the other end of a link says.
    ///
    /// # Errors
    /// It makes no sense: the link must be closed.
    pub fn receive(
        &mut self,
        link: LinkId,
        message: Message,
        now: Now,
    ) -> Result<(), Misbehaviour> {
        let now_ms = self.clock.read(now);
        match self.links.get_mut(&link) {
            Some(link) => link.heard_ms = now_ms,
            None => return Ok(()),
        }
        match message {
            Message::Hello(hello) => self.greet(link, hello, now_ms)?,
            Message::Report(report) => self.take_report(link, report, now, now_ms)?,
            Message::Want(want) => self.feed(link, &want),
            Message::Deltas(deltas) => self.follow(link, deltas, now_ms),
            Message::Ballots(part) => self.take_part(link, part, now, now_ms),
            Message::Lingering(lingering) => self.take_lingering(&lingering, now, now_ms),
            Message::LastSeen(seen) => {
                for (user, at_unix_ms) in seen {
                    if !self.id(&user).is_some_and(|id| self.is_online(id)) {
                        self.last_seen.record(&user, at_unix_ms);
                    }
                }
            }
        }
        Ok(())
    }

    fn greet(&mut self, id: LinkId, hello: Hello, now_ms: u64) -> Result<(), Misbehaviour> {
        if self
            .me()
            .is_some_and(|me| me.replica == hello.origin.replica)
        {
            return Err(Misbehaviour::Myself(hello.origin.replica));
        }
        let replica = self.origins.shared_name(&hello.origin);
        let origin = Origin {
            replica,
            ..hello.origin
        };
        self.unreachable.remove(&origin.replica);
        self.hear_directly(&origin, now_ms);
        if let Some(link) = self.links.get_mut(&id) {
            link.peer = Some(origin);
        }
        if hello.is_new {
            self.tell_newcomer(id, now_ms);
        }
        self.choose_sources(now_ms);
        Ok(())
    }

    /// An origin speaks itself.
    fn hear_directly(&mut self, origin: &Origin, now_ms: u64) {
        let slot = self.origins.slot(&origin.replica);
        let Some(known) = slot.and_then(|slot| self.origins.get_mut(slot)) else {
            return self.origins.add(Known::new(origin.clone(), 0, now_ms));
        };
        if known.origin.incarnation < origin.incarnation {
            known.supersede(origin.incarnation, 0, now_ms);
        } else if known.origin == *origin {
            match known.end {
                // Its last words may come after its next ones, over another link.
                Some(end) if end.has_left => {}
                Some(_) => known.revive(now_ms),
                None => {
                    known.heard_ms = now_ms;
                    known.cut_ms = None;
                }
            }
        }
    }

    fn take_report(
        &mut self,
        id: LinkId,
        report: Vec<Status>,
        now: Now,
        now_ms: u64,
    ) -> Result<(), Misbehaviour> {
        if report.len() > ORIGINS_MAX {
            return Err(Misbehaviour::TooMany(report.len()));
        }
        for status in &report {
            self.hear(status, now, now_ms);
        }
        if let Some(link) = self.links.get_mut(&id) {
            let by_replica = report.into_iter();
            let by_replica = by_replica.map(|status| (status.origin.replica.clone(), status));
            link.reports = Some(by_replica.collect());
        }
        self.choose_sources(now_ms);
        Ok(())
    }

    /// Somebody tells of an origin.
    fn hear(&mut self, status: &Status, now: Now, now_ms: u64) {
        let Some(slot) = self.origins.slot(&status.origin.replica) else {
            if matches!(status.life, Life::Up | Life::Suspect) {
                let known = Known::new(status.origin.clone(), status.beat, now_ms);
                self.origins.add(known);
            }
            return;
        };
        if slot == Slot::ME {
            return self.outlive(status);
        }
        let Some(known) = self.origins.get_mut(slot) else {
            return;
        };
        let is_later = known.origin.incarnation < status.origin.incarnation;
        let is_same = known.origin == status.origin;
        let has_left = known.end.is_some_and(|end| end.has_left);
        // Who speaks for itself need not be told of: its clock may have stepped back, and a later life be over. Not so if
        // it is silent: it may have lost power, and be back on another link.
        let speaks = |link: &Link| {
            link.peer.as_ref() == Some(&known.origin) && link.silent_ms(now_ms) <= SUSPECT_MS
        };
        let is_later = is_later && !(known.votes() && self.links.values().any(speaks));
        match status.life {
            // Of a later life that has left there is nothing to be learned: if this one is over, it will be silent. And
            // it need not be over: its clock may have stepped back, and who knows of the later one have been stopped.
            Life::Left if is_same && !has_left => {
                // Users of an earlier life, which did not leave, have their grace and no more.
                let is_of_this_life = known.voted_in == status.origin.incarnation;
                let handover_ms = if is_of_this_life { HANDOVER_MS } else { 0 };
                let end = End {
                    has_left: true,
                    at_ms: now_ms,
                };
                self.bury(slot, handover_ms, end, now);
            }
            Life::Up | Life::Suspect if is_later => {
                known.supersede(status.origin.incarnation, status.beat, now_ms);
            }
            _ if is_same && known.beat < status.beat && !has_left => {
                known.beat = status.beat;
                known.heard_ms = now_ms;
                if known.end.is_some() {
                    known.revive(now_ms);
                }
            }
            _ => {}
        }
    }

    /// Somebody knows an incarnation of this very replica: if it is a later one, or an earlier life has used the same,
    /// this one must be later still. Clocks step back, and whatever an earlier life voted is over.
    fn outlive(&mut self, status: &Status) {
        let Some(me) = self.origins.get_mut(Slot::ME) else {
            return;
        };
        let (theirs, mine) = (status.origin.incarnation, me.origin.incarnation);
        let has_left = status.life == Life::Left && !self.is_leaving;
        let is_of_another_life = status.seq > me.seq || status.beat > me.beat || has_left;
        if theirs < mine || (theirs == mine && !is_of_another_life) {
            return;
        }
        me.origin.incarnation = theirs + 1;
        me.voted_in = theirs + 1;
        for link in self.links.values_mut() {
            link.feeds.remove(&Slot::ME);
            link.hello_is_due = true;
            link.report_is_due = true;
        }
    }

    fn feed(&mut self, link: LinkId, want: &Want) {
        let (Some(link), Some(slot)) = (
            self.links.get_mut(&link),
            self.origins.exactly(&want.origin),
        ) else {
            return;
        };
        match want.from {
            From::Start => link.feeds.insert(slot, Feed::Whole),
            From::After(seq) => link.feeds.insert(slot, Feed::At(seq)),
            From::Nowhere => link.feeds.remove(&slot),
        };
    }

    /// Applies what is new of consecutive votes, if none is missing before it.
    fn follow(&mut self, link: LinkId, deltas: Deltas, now_ms: u64) {
        let Some(slot) = self
            .origins
            .exactly(&deltas.origin)
            .filter(|slot| *slot != Slot::ME)
        else {
            return;
        };
        let Some(known) = self.origins.get_mut(slot).filter(|known| known.is_known) else {
            return;
        };
        let next = known.seq + 1;
        if deltas.first_seq > next {
            return self.ask_again(slot, link, now_ms);
        }
        if let Some(source) = known.source.as_mut().filter(|source| source.link == link) {
            source.since_ms = now_ms;
        }
        let is_known = (next - deltas.first_seq) as usize;
        for (seq, delta) in (next..).zip(deltas.deltas.into_iter().skip(is_known)) {
            self.apply(slot, seq, delta);
        }
    }

    fn take_part(&mut self, id: LinkId, part: Ballots, now: Now, now_ms: u64) {
        let Some(slot) = self
            .origins
            .exactly(&part.origin)
            .filter(|slot| *slot != Slot::ME)
        else {
            return;
        };
        let Some(known) = self.origins.get_mut(slot) else {
            return;
        };
        if let Some(source) = known.source.as_mut().filter(|source| source.link == id) {
            source.since_ms = now_ms;
        }
        let is_needed = known.votes() && (!known.is_known || known.seq <= part.seq);
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        if let Some(staged) = link.stage(part).filter(|_| is_needed) {
            self.merge(slot, staged, now, now_ms);
        }
    }

    fn take_lingering(&mut self, lingering: &Lingering, now: Now, now_ms: u64) {
        for (user, seq, remaining_ms) in &lingering.users {
            let remaining_ms = (*remaining_ms).min(GRACE_MS_MAX);
            self.learn_lingering(user, &lingering.origin, *seq, remaining_ms, now, now_ms);
        }
    }
}
