//! What goes wrong, by chance.

use crate::link::State;
use crate::profile::Kind;
use crate::world::{Event, World, note};

impl World {
    /// One more thing happens.
    pub(crate) fn trouble(&mut self) {
        if !self.is_troubled {
            return;
        }
        let kind = *self.dice.one_of(&self.profile.kinds);
        self.happen_to_somebody(kind);
        let gap_ms = self.some_ms(self.profile.gap_ms);
        self.after(gap_ms + 1, Event::Trouble);
    }

    fn happen_to_somebody(&mut self, kind: Kind) {
        match kind {
            Kind::Connect => {
                let u = self.dice.within(0..self.users.len());
                self.connect_somewhere(u);
            }
            Kind::Disconnect => self.disconnect_somebody(),
            Kind::Rush => (0..20).for_each(|_| {
                let kind = *self.dice.one_of(&[Kind::Connect, Kind::Disconnect]);
                self.happen_to_somebody(kind);
            }),
            Kind::EndLink => self.end_some_link(true),
            Kind::EndLinkOnOneSide => self.end_some_link(false),
            Kind::Cut => self.cut_some(&[true, true]),
            Kind::CutOneWay => {
                let ways = *self.dice.one_of(&[[true, false], [false, true]]);
                self.cut_some(&ways);
            }
            Kind::Split => self.split(),
            Kind::Heal => self.heal_some(),
            Kind::Kill | Kind::LosePower => {
                if let Some(n) = self.some_node(|world, n| world.nodes[n].runs()) {
                    self.kill(n, kind == Kind::Kill);
                }
            }
            Kind::Start => {
                if let Some(n) = self.some_node(|world, n| !world.nodes[n].runs()) {
                    self.start(n);
                }
            }
            Kind::Pause => {
                if let Some(n) = self.some_node(|world, n| world.nodes[n].is_awake()) {
                    self.pause(n);
                }
            }
            Kind::Resume => {
                if let Some(n) = self.some_node(|world, n| world.nodes[n].is_paused) {
                    self.resume(n);
                }
            }
            Kind::Leave => {
                if let Some(n) = self.some_node(|world, n| world.nodes[n].serves()) {
                    self.leave(n);
                }
            }
            Kind::LoseEtcd => self.lose_etcd(),
            Kind::EmptyEtcd => self.empty_etcd(),
            Kind::RestoreEtcd => self.restore_etcd(),
        }
    }

    fn some_node(&mut self, is_one: impl Fn(&World, usize) -> bool) -> Option<usize> {
        let nodes: Vec<usize> = (0..self.nodes.len()).filter(|n| is_one(self, *n)).collect();
        (!nodes.is_empty()).then(|| *self.dice.one_of(&nodes))
    }

    fn disconnect_somebody(&mut self) {
        let serving = (0..self.nodes.len()).filter(|n| self.nodes[*n].serves());
        let connected: Vec<(usize, usize)> = serving
            .flat_map(|n| self.nodes[n].votes.keys().map(move |u| (n, *u)))
            .collect();
        if !connected.is_empty() {
            let (n, u) = *self.dice.one_of(&connected);
            self.disconnect(n, u);
        }
    }

    /// A connection breaks; both sides are told, or one of them much later.
    fn end_some_link(&mut self, is_told: bool) {
        let Some(n) =
            self.some_node(|world, n| world.nodes[n].is_awake() && !world.nodes[n].ends.is_empty())
        else {
            return;
        };
        let (link, side) = *self.dice.one_of(&self.nodes[n].ends);
        if !matches!(self.links[link].sides[side].state, State::Open(_)) {
            return;
        }
        self.book.disturbed_ms = Some(self.now_ms);
        let [one, other] = self.links[link].sides.each_ref().map(|side| side.node);
        self.forgive(one, other);
        self.hang_up(link, side, is_told);
        if !is_told {
            let late_ms = self.some_ms(4_000);
            self.after(late_ms, Event::EndTold(link, side));
        }
    }

    fn cut_some(&mut self, ways: &[bool]) {
        let one = self.dice.within(0..self.nodes.len());
        let other = self.dice.within(0..self.nodes.len());
        for (way, (from, to)) in ways.iter().zip([(one, other), (other, one)]) {
            if *way && one != other {
                self.cut(from, to);
            }
        }
    }

    fn cut(&mut self, from: usize, to: usize) {
        note!(
            self,
            "{} is not heard by {}",
            self.nodes[from].name,
            self.nodes[to].name
        );
        self.cut[from][to] = true;
        self.disturb_pair(from, to);
    }

    fn split(&mut self) {
        let sides: Vec<bool> = self.nodes.iter().map(|_| self.dice.once_in(2)).collect();
        for from in 0..sides.len() {
            for to in (0..sides.len()).filter(|to| sides[*to] != sides[from]) {
                self.cut(from, to);
            }
        }
    }

    fn heal_some(&mut self) {
        let is_all = self.dice.once_in(2);
        let count = self.nodes.len();
        let some = (self.dice.within(0..count), self.dice.within(0..count));
        for from in 0..count {
            for to in 0..count {
                if is_all || (from, to) == some || (to, from) == some {
                    self.heal(from, to);
                }
            }
        }
    }

    pub(crate) fn heal(&mut self, from: usize, to: usize) {
        if std::mem::replace(&mut self.cut[from][to], false) {
            note!(
                self,
                "{} is heard by {} again",
                self.nodes[from].name,
                self.nodes[to].name
            );
            self.disturb_pair(from, to);
            self.unstall(from, to);
        }
    }

    fn disturb_pair(&mut self, one: usize, other: usize) {
        self.book.disturbed_ms = Some(self.now_ms);
        self.forgive(one, other);
        self.book.unsettle_pair(one, other, self.now_ms);
    }
}
