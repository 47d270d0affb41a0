//! What is wanted, and what presence has been told of it.

use std::collections::{HashMap, HashSet};

use crate::protocol::UserId;

/// Users who are wanted, each so many times, and those of whom presence knows it.
#[derive(Debug, Default)]
pub(super) struct Difference {
    wanted: HashMap<UserId, u32>,
    told: HashSet<UserId>,
    /// Of whom the two may differ.
    changed: HashSet<UserId>,
}

/// What presence is to be told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct News {
    pub(super) wanted: Vec<UserId>,
    pub(super) unwanted: Vec<UserId>,
}

impl Difference {
    pub(super) fn want(&mut self, user: UserId) {
        let times = self.wanted.entry(user).or_default();
        *times += 1;
        if *times == 1 {
            self.changed.insert(user);
        }
    }

    pub(super) fn unwant(&mut self, user: UserId) {
        let Some(times) = self.wanted.get_mut(&user) else {
            return;
        };
        *times -= 1;
        if *times == 0 {
            self.wanted.remove(&user);
            self.changed.insert(user);
        }
    }

    /// What is to be told of the next `most` users, as if it were told now.
    pub(super) fn next(&mut self, most: usize) -> News {
        let users: Vec<UserId> = self.changed.iter().copied().take(most).collect();
        let mut news = News::default();
        for user in users {
            self.changed.remove(&user);
            match (self.wanted.contains_key(&user), self.told.contains(&user)) {
                (true, false) => {
                    self.told.insert(user);
                    news.wanted.push(user);
                }
                (false, true) => {
                    self.told.remove(&user);
                    news.unwanted.push(user);
                }
                _ => {}
            }
        }
        if self.changed.is_empty() {
            // A crowd that came at once would leave its room here.
            self.changed.shrink_to(1_024);
        }
        news
    }

    /// Nobody was told anything.
    pub(super) fn forget_told(&mut self) {
        self.told = HashSet::new();
        self.changed = self.wanted.keys().copied().collect();
    }

    /// These were not told after all.
    pub(super) fn again(&mut self, users: impl IntoIterator<Item = UserId>) {
        for user in users {
            self.told.remove(&user);
            self.changed.insert(user);
        }
    }

    /// How many times a user is wanted.
    pub(super) fn times(&self, user: UserId) -> u32 {
        self.wanted.get(&user).copied().unwrap_or_default()
    }

    /// How many are wanted.
    pub(super) fn wanted_users(&self) -> usize {
        self.wanted.len()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn user(id: u8) -> UserId {
        (u32::from(id) + 1).to_string().parse().unwrap()
    }

    #[test]
    fn who_goes_and_comes_back_before_it_is_told_is_no_news() {
        let mut users = Difference::default();
        users.want(user(1));
        assert_eq!(users.next(9).wanted, [user(1)]);
        users.unwant(user(1));
        users.want(user(1));
        assert_eq!(users.next(9), News::default());
    }

    proptest! {
        #[test]
        fn presence_knows_what_is_wanted_once_all_news_are_told(
            steps in proptest::collection::vec((0..8_u8, 0..5_u8), 0..80),
        ) {
            let (mut users, mut known) = (Difference::default(), BTreeSet::new());
            let mut wanted = Vec::new();
            let tell = |users: &mut Difference, known: &mut BTreeSet<UserId>, most| {
                let news = users.next(most);
                for user in &news.wanted { assert!(known.insert(*user), "told twice"); }
                for user in &news.unwanted { assert!(known.remove(user), "never told"); }
            };
            for (step, id) in steps {
                match step {
                    0..=2 => { users.want(user(id)); wanted.push(user(id)); }
                    3..=4 => if let Some(at) = wanted.iter().position(|one| *one == user(id)) {
                        wanted.swap_remove(at);
                        users.unwant(user(id));
                    },
                    5 => { users.forget_told(); known.clear(); }
                    6 => if known.remove(&user(id)) { users.again([user(id)]); },
                    _ => tell(&mut users, &mut known, 2),
                }
            }
            tell(&mut users, &mut known, usize::MAX);
            prop_assert_eq!(known, wanted.into_iter().collect());
        }
    }
}
