//! Who is here, who is monitored, and by whom. Pure.

use std::collections::HashMap;
use std::sync::Arc;

use super::difference::Difference;
use crate::hub::{Mail, Mailbox};
use crate::protocol::{Frame, UserId, frames};

/// All that the gateway knows about presence.
#[derive(Debug, Default)]
pub(super) struct Roster {
    /// The users of the sockets.
    pub(super) present: Difference,
    /// The users whom sockets monitor.
    pub(super) watched: Difference,
    known: HashMap<UserId, Known>,
    monitors: HashMap<u64, Monitor>,
    last_number: u64,
}

/// A user who is monitored.
#[derive(Debug, Default)]
struct Known {
    /// What was heard last.
    online: Option<bool>,
    /// Heard in the present session.
    is_current: bool,
    /// By whom.
    monitors: Vec<u64>,
}

/// A socket that monitors users.
#[derive(Debug)]
struct Monitor {
    mailbox: Arc<Mailbox>,
    users: Vec<UserId>,
    /// Whether it has been told of all of them.
    is_told: bool,
}

/// What a socket is told.
type News = Vec<(UserId, bool)>;

impl Roster {
    /// How many users are monitored.
    pub(super) fn monitored_users(&self) -> usize {
        self.watched.wanted_users()
    }

    /// A socket monitors these users, each named once. Its number.
    pub(super) fn monitor(&mut self, mailbox: Arc<Mailbox>, users: Vec<UserId>) -> u64 {
        self.last_number += 1;
        let number = self.last_number;
        for user in &users {
            let known = self.known.entry(*user).or_default();
            known.monitors.push(number);
            self.watched.want(*user);
            if !known.is_current {
                // Also where presence was asked already: it may have answered nobody.
                self.watched.again([*user]);
            }
        }
        let monitor = Monitor {
            mailbox,
            users,
            is_told: false,
        };
        self.monitors.insert(number, monitor);
        self.tell_first(number);
        number
    }

    /// It does not any more.
    pub(super) fn end_monitor(&mut self, number: u64) {
        let Some(monitor) = self.monitors.remove(&number) else {
            return;
        };
        for user in monitor.users {
            self.watched.unwant(user);
            if let Some(known) = self.known.get_mut(&user) {
                known.monitors.retain(|of| *of != number);
                if known.monitors.is_empty() {
                    self.known.remove(&user);
                }
            }
        }
    }

    /// Presence tells what these users are now.
    pub(super) fn learn(&mut self, users: impl IntoIterator<Item = (UserId, bool)>) {
        let mut news: HashMap<u64, News> = HashMap::new();
        for (user, online) in users {
            let Some(known) = self.known.get_mut(&user) else {
                continue;
            };
            let is_news = known.online.replace(online) != Some(online);
            let is_first = !std::mem::replace(&mut known.is_current, true);
            if is_news || is_first {
                for number in &known.monitors {
                    let told = news.entry(*number).or_default();
                    told.extend(is_news.then_some((user, online)));
                }
            }
        }
        self.tell(news);
    }

    /// The session is lost: what was heard stands for those who have heard it, and for nobody
    /// else.
    pub(super) fn lose_session(&mut self) {
        self.present.forget_told();
        self.watched.forget_told();
        self.known
            .values_mut()
            .for_each(|known| known.is_current = false);
    }

    fn tell(&mut self, news: HashMap<u64, News>) {
        let mut last: Option<(News, Frame)> = None;
        for (number, users) in news {
            let Some(monitor) = self.monitors.get(&number) else {
                continue;
            };
            if !monitor.is_told {
                self.tell_first(number);
            } else if !users.is_empty() {
                // Mostly they all hear the same.
                let frame = match last.take() {
                    Some((same, frame)) if same == users => frame,
                    _ => frames::presence(&users),
                };
                monitor.mailbox.push(Mail::Frame(frame.clone()));
                last = Some((users, frame));
            }
        }
    }

    /// Tells a socket of all its users, if all are known.
    fn tell_first(&mut self, number: u64) {
        let Some(monitor) = self.monitors.get_mut(&number) else {
            return;
        };
        let current = |user: &UserId| {
            let known = self.known.get(user).filter(|known| known.is_current)?;
            Some((*user, known.online?))
        };
        let all: Option<News> = monitor.users.iter().map(current).collect();
        if let Some(all) = all.filter(|all| !all.is_empty()) {
            monitor.is_told = true;
            monitor.mailbox.push(Mail::Frame(frames::presence(&all)));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::task::{Context, Poll};

    use futures_util::task::noop_waker_ref;
    use serde_json::{Value, json};

    use super::*;
    use crate::hub::Found;

    fn user(id: u32) -> UserId {
        id.to_string().parse().unwrap()
    }

    fn mailbox() -> Arc<Mailbox> {
        Mailbox::new(&Arc::default())
    }

    /// What it was told: users in each frame.
    fn told(mailbox: &Mailbox) -> Vec<Value> {
        let mut cx = Context::from_waker(noop_waker_ref());
        let next = || match mailbox.poll_take(&mut cx) {
            Poll::Ready(Found::Mail(mail)) => {
                let frame: Value = serde_json::from_slice(mail.frame().payload()).unwrap();
                Some(frame["users"].clone())
            }
            _ => None,
        };
        std::iter::from_fn(next).collect()
    }

    fn state(user: u32, online: bool) -> Value {
        json!({"user": user.to_string(), "online": online})
    }

    #[test]
    fn a_socket_is_told_of_all_at_first_and_then_of_changes() {
        let (mut roster, one) = (Roster::default(), mailbox());
        roster.monitor(one.clone(), vec![user(1), user(2)]);
        roster.learn([(user(1), true)]);
        assert_eq!(told(&one), Vec::<Value>::new(), "not before all are known");
        roster.learn([(user(2), false)]);
        assert_eq!(told(&one), [json!([state(1, true), state(2, false)])]);
        roster.learn([(user(2), false), (user(1), false)]);
        assert_eq!(told(&one), [json!([state(1, false)])]);
    }

    #[test]
    fn a_second_socket_is_told_at_once_what_is_known() {
        let (mut roster, one, two) = (Roster::default(), mailbox(), mailbox());
        roster.monitor(one.clone(), vec![user(1)]);
        roster.learn([(user(1), true)]);
        roster.monitor(two.clone(), vec![user(1)]);
        assert_eq!(told(&two), [json!([state(1, true)])]);
        roster.learn([(user(1), false)]);
        assert_eq!((told(&one).len(), told(&two).len()), (2, 1));
    }

    #[test]
    fn in_a_new_session_only_what_has_changed_is_news_and_nothing_old_is_told_anew() {
        let (mut roster, one, two) = (Roster::default(), mailbox(), mailbox());
        roster.monitor(one.clone(), vec![user(1), user(2)]);
        roster.learn([(user(1), true), (user(2), true)]);
        told(&one);
        roster.lose_session();
        roster.monitor(two.clone(), vec![user(1), user(2)]);
        assert_eq!(
            told(&two),
            Vec::<Value>::new(),
            "what was heard may be wrong by now"
        );
        roster.learn([(user(1), true), (user(2), false)]);
        assert_eq!(told(&one), [json!([state(2, false)])]);
        assert_eq!(told(&two), [json!([state(1, true), state(2, false)])]);
    }

    #[test]
    fn who_is_monitored_again_at_once_is_asked_for_again() {
        let (mut roster, one) = (Roster::default(), mailbox());
        let number = roster.monitor(one.clone(), vec![user(1)]);
        assert_eq!(roster.watched.next(9).wanted, [user(1)]);
        roster.end_monitor(number);
        roster.monitor(one.clone(), vec![user(1)]);
        assert_eq!(roster.watched.next(9).wanted, [user(1)]);
    }

    #[test]
    fn who_does_not_monitor_any_more_is_told_nothing_and_leaves_nothing() {
        let (mut roster, one) = (Roster::default(), mailbox());
        let number = roster.monitor(one.clone(), vec![user(1)]);
        roster.end_monitor(number);
        roster.learn([(user(1), true)]);
        assert_eq!(told(&one), Vec::<Value>::new());
        assert!(roster.known.is_empty() && roster.monitors.is_empty());
        assert_eq!(roster.monitored_users(), 0);
    }
}
