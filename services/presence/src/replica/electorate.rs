//! Whom votes are about: a table of users and of who votes for each.
//!
//! A million users are held in some 70 bytes each: the name once, a number that stands for it everywhere else, and
//! the votes beside it. Most users are voted for by one origin; the votes of further ones lie elsewhere.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Found;

use super::origins::Slot;
use crate::user::User;

/// Entries that are allocated at once. In pieces, since one array of a million would be copied to grow.
const CHUNK: usize = 1024;

/// Stands for a user's name in the table of one replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(u32);

impl UserId {
    /// The user of this number.
    #[must_use]
    pub fn of(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }
}

/// An origin's vote for a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Vote {
    /// Which of its origin's votes it is.
    pub(super) seq: u64,
    pub(super) grace_ms: u32,
    pub(super) slot: Slot,
    pub(super) is_leaving: bool,
    /// In which pass over all votes of the origin it was last seen.
    pub(super) mark: u8,
}

/// A user and their votes. Without a user it is free.
#[derive(Debug)]
struct Entry {
    user: Option<User>,
    first: Option<Vote>,
    /// Empty unless there is a first. Boxed, because few have it, and a vector would take 16 bytes more of each.
    #[allow(clippy::box_collection)]
    more: Option<Box<Vec<Vote>>>,
}

impl Entry {
    fn votes(&self) -> impl Iterator<Item = &Vote> {
        let more = self.more.iter().flat_map(|more| more.iter());
        self.first.iter().chain(more)
    }

    fn vote_mut(&mut self, slot: Slot) -> Option<&mut Vote> {
        let more = self.more.iter_mut().flat_map(|more| more.iter_mut());
        self.first
            .iter_mut()
            .chain(more)
            .find(|vote| vote.slot == slot)
    }

    fn add(&mut self, vote: Vote) {
        match self.first {
            None => self.first = Some(vote),
            Some(_) => self.more.get_or_insert_default().push(vote),
        }
    }

    fn remove(&mut self, slot: Slot) -> Option<Vote> {
        if self.first.is_some_and(|first| first.slot == slot) {
            let next = self.more.as_mut().and_then(|more| more.pop());
            self.forget_empty();
            return std::mem::replace(&mut self.first, next);
        }
        let more = self.more.as_mut()?;
        let place = more.iter().position(|vote| vote.slot == slot)?;
        let removed = more.swap_remove(place);
        self.forget_empty();
        Some(removed)
    }

    fn forget_empty(&mut self) {
        self.more.take_if(|more| more.is_empty());
    }
}

/// All users that somebody votes for, or needs.
#[derive(Debug, Default)]
pub(super) struct Electorate {
    hasher: RandomState,
    index: HashTable<UserId>,
    entries: Entries,
    free: Vec<UserId>,
    online: usize,
}

impl Electorate {
    /// The number of a user who has an entry.
    pub(super) fn id(&self, user: &User) -> Option<UserId> {
        let hash = self.hasher.hash_one(user);
        let found = self
            .index
            .find(hash, |id| self.entries.user(*id) == Some(user));
        found.copied()
    }

    /// The number of a user; a new one if there is none.
    pub(super) fn intern(&mut self, user: &User) -> UserId {
        let Self {
            hasher,
            index,
            entries,
            free,
            ..
        } = self;
        let found = index.entry(
            hasher.hash_one(user),
            |id| entries.user(*id) == Some(user),
            |id| entries.user(*id).map_or(0, |user| hasher.hash_one(user)),
        );
        match found {
            Found::Occupied(known) => *known.get(),
            Found::Vacant(place) => {
                let id = free.pop().unwrap_or_else(|| entries.next());
                place.insert(id);
                entries.put(id, user.clone());
                id
            }
        }
    }

    /// Frees the entry of a user for whom nobody votes.
    pub(super) fn release(&mut self, id: UserId) {
        let Some(user) = self.entries.user(id).filter(|_| !self.is_online(id)) else {
            return;
        };
        let hash = self.hasher.hash_one(user);
        if let Ok(place) = self.index.find_entry(hash, |other| *other == id) {
            place.remove();
        }
        if let Some(entry) = self.entries.get_mut(id) {
            entry.user = None;
            self.free.push(id);
        }
    }

    pub(super) fn user(&self, id: UserId) -> Option<&User> {
        self.entries.user(id)
    }

    /// All votes for a user.
    pub(super) fn votes(&self, id: UserId) -> impl Iterator<Item = &Vote> {
        self.entries.get(id).into_iter().flat_map(Entry::votes)
    }

    pub(super) fn vote(&self, id: UserId, slot: Slot) -> Option<&Vote> {
        self.votes(id).find(|vote| vote.slot == slot)
    }

    pub(super) fn is_online(&self, id: UserId) -> bool {
        self.entries
            .get(id)
            .is_some_and(|entry| entry.first.is_some())
    }

    /// How many users are online.
    pub(super) fn online(&self) -> usize {
        self.online
    }

    /// Sets a vote; the one that it replaces.
    pub(super) fn set(&mut self, id: UserId, vote: Vote) -> Option<Vote> {
        let entry = self.entries.get_mut(id)?;
        if let Some(known) = entry.vote_mut(vote.slot) {
            return Some(std::mem::replace(known, vote));
        }
        self.online += usize::from(entry.first.is_none());
        entry.add(vote);
        None
    }

    /// Takes a vote away.
    pub(super) fn remove(&mut self, id: UserId, slot: Slot) -> Option<Vote> {
        let entry = self.entries.get_mut(id)?;
        let removed = entry.remove(slot)?;
        self.online -= usize::from(entry.first.is_none());
        Some(removed)
    }

    /// Those for whom an origin votes.
    pub(super) fn voted_for(&self, slot: Slot) -> impl Iterator<Item = (UserId, &User, &Vote)> {
        self.entries.all().filter_map(move |(id, entry)| {
            let vote = entry.votes().find(|vote| vote.slot == slot)?;
            Some((id, entry.user.as_ref()?, vote))
        })
    }

    /// Up to `max` users who are online, with numbers above `after`, and whether there are no more.
    pub(super) fn page(&self, after: Option<UserId>, max: usize) -> (Vec<UserId>, bool) {
        let start = after.map_or(0, |UserId(after)| after.saturating_add(1));
        let from_start = self.entries.from(UserId(start));
        let mut online = from_start.filter(|(_, entry)| entry.first.is_some());
        let page = online.by_ref().take(max).map(|(id, _)| id).collect();
        (page, online.next().is_none())
    }
}

/// Entries by number.
#[derive(Debug, Default)]
struct Entries {
    chunks: Vec<Vec<Entry>>,
}

impl Entries {
    fn get(&self, UserId(id): UserId) -> Option<&Entry> {
        self.chunks
            .get(id as usize / CHUNK)?
            .get(id as usize % CHUNK)
    }

    fn get_mut(&mut self, UserId(id): UserId) -> Option<&mut Entry> {
        self.chunks
            .get_mut(id as usize / CHUNK)?
            .get_mut(id as usize % CHUNK)
    }

    fn user(&self, id: UserId) -> Option<&User> {
        self.get(id)?.user.as_ref()
    }

    /// The number that no entry ever had.
    fn next(&self) -> UserId {
        let before = self.chunks.len().saturating_sub(1) * CHUNK;
        UserId((before + self.chunks.last().map_or(0, Vec::len)) as u32)
    }

    /// Fills a free entry, or the next one.
    fn put(&mut self, id: UserId, user: User) {
        if let Some(entry) = self.get_mut(id) {
            entry.user = Some(user);
            return;
        }
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.push(Entry {
                user: Some(user),
                first: None,
                more: None,
            });
        }
    }

    fn all(&self) -> impl Iterator<Item = (UserId, &Entry)> {
        self.from(UserId(0))
    }

    fn from(&self, UserId(start): UserId) -> impl Iterator<Item = (UserId, &Entry)> {
        let (first, within) = (start as usize / CHUNK, start as usize % CHUNK);
        let chunks = self.chunks.iter().enumerate().skip(first);
        let entries = chunks.flat_map(|(chunk, entries)| {
            let numbered = entries.iter().enumerate();
            numbered.map(move |(place, entry)| (UserId((chunk * CHUNK + place) as u32), entry))
        });
        entries.skip(within)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn vote(slot: Slot) -> Vote {
        Vote {
            seq: 1,
            grace_ms: 0,
            slot,
            is_leaving: false,
            mark: 0,
        }
    }

    fn user(number: usize) -> User {
        User::parse(&format!("user-{number}")).unwrap()
    }

    #[test]
    fn an_entry_takes_40_bytes() {
        assert_eq!(size_of::<Entry>(), 40);
    }

    #[test]
    fn a_user_is_online_while_there_is_a_vote() {
        let mut table = Electorate::default();
        let id = table.intern(&user(1));
        let slots = [Slot::ME, Slot::LINGER, Slot(2)];
        for slot in slots {
            assert_eq!(table.set(id, vote(slot)), None);
            assert_eq!(table.set(id, vote(slot)), Some(vote(slot)));
        }
        assert_eq!((table.votes(id).count(), table.online()), (3, 1));
        for slot in slots {
            assert!(table.is_online(id));
            assert_eq!(table.remove(id, slot), Some(vote(slot)));
            assert_eq!(table.remove(id, slot), None);
        }
        assert_eq!((table.is_online(id), table.online()), (false, 0));
    }

    #[test]
    fn entries_are_used_again_and_users_do_not_mix() {
        let mut table = Electorate::default();
        for round in 0..3 {
            let users: Vec<_> = (0..3 * CHUNK).map(|n| user(n * (round + 1))).collect();
            let ids: Vec<_> = users.iter().map(|user| table.intern(user)).collect();
            for (user, id) in users.iter().zip(&ids) {
                assert_eq!((table.id(user), table.user(*id)), (Some(*id), Some(user)));
            }
            for (user, id) in users.iter().zip(&ids) {
                table.release(*id);
                assert_eq!((table.id(user), table.user(*id)), (None, None));
            }
        }
        assert_eq!(table.entries.all().count(), 3 * CHUNK);
    }

    #[test]
    fn who_is_voted_for_is_not_released() {
        let mut table = Electorate::default();
        let id = table.intern(&user(1));
        table.set(id, vote(Slot::ME));
        table.release(id);
        assert_eq!(table.id(&user(1)), Some(id));
    }

    #[test]
    fn pages_list_everybody_who_is_online_once() {
        let mut table = Electorate::default();
        for number in 0..2 * CHUNK + 7 {
            let id = table.intern(&user(number));
            if number % 2 == 0 {
                table.set(id, vote(Slot::ME));
            }
        }
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let (page, is_last) = table.page(after, 100);
            after = page.last().copied();
            listed.extend(page);
            if is_last {
                break;
            }
        }
        assert_eq!(listed.len(), table.online());
        assert!(listed.is_sorted_by(|a, b| a < b));
    }
}
