//! Retention: how long the events of a topic are kept.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use muster_kit::Shutdown;
use muster_kit::clock::now_ns;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::error::{BadField, Error};
use crate::event::Event;
use crate::selection::Selection;
use crate::store::{Store, Window};
use crate::topic::TOPIC_LIMIT_BYTES;
use crate::trim::Removal;

/// The most prefixes with a retention of their own.
pub const RETENTIONS_LIMIT: usize = 100;
/// The shortest retention.
pub const MIN_AGE: Duration = Duration::from_secs(1);
/// How often events that are too old are looked for.
const ROUND: Duration = Duration::from_secs(1);

/// How long the events are kept whose topic begins with a prefix. The longest prefix decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// What the topics begin with; all do with an empty one.
    pub prefix: String,
    /// Events that were received longer ago than this are removed.
    pub max_age: Duration,
}

impl Retention {
    /// A retention.
    ///
    /// # Errors
    /// Names the field that is out of bounds.
    pub fn new(prefix: String, max_age: Duration) -> Result<Retention, BadField> {
        check_prefix(&prefix)?;
        if max_age < MIN_AGE {
            return Err(BadField::new("max_age", "shorter than a second"));
        }
        if i64::try_from(max_age.as_nanos()).is_err() {
            return Err(BadField::new("max_age", "longer than 292 years"));
        }
        Ok(Retention { prefix, max_age })
    }

    /// The time before which events were received that are too old.
    fn begins_ns(&self, now_ns: i64) -> i64 {
        let age_ns = i64::try_from(self.max_age.as_nanos()).unwrap_or(i64::MAX);
        now_ns.saturating_sub(age_ns)
    }
}

/// Whether it may be the beginning of a topic.
///
/// # Errors
/// Names the field `topic_prefix` when it may not.
pub fn check_prefix(prefix: &str) -> Result<(), BadField> {
    match prefix.len() > TOPIC_LIMIT_BYTES {
        true => Err(BadField::new("topic_prefix", "longer than 255 bytes")),
        false => Ok(()),
    }
}

/// Removes what is too old, until the shutdown.
pub async fn keep(store: Store, shutdown: Shutdown) {
    // Also in the middle of a round, which may have much to do.
    shutdown.run_until_cancelled(rounds(&store)).await;
}

async fn rounds(store: &Store) {
    let mut rounds = interval_at(Instant::now() + ROUND, ROUND);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut places = Places::default();
    let mut is_failing = false;
    loop {
        rounds.tick().await;
        let outcome = places.round(store, now_ns()).await;
        if let Err(error) = &outcome
            && !is_failing
        {
            tracing::warn!(%error, "events that are too old cannot be removed");
        }
        is_failing = outcome.is_err();
    }
}

/// As far as each retention has removed all.
#[derive(Debug, Default)]
struct Places {
    retentions: Arc<[Retention]>,
    by_prefix: HashMap<String, Place>,
}

/// As far as one has.
#[derive(Debug, Default)]
struct Place {
    position: i64,
    /// When the first event behind it was received; nothing is due before that is too long ago.
    first_ns: Option<i64>,
}

impl Places {
    async fn round(&mut self, store: &Store, now_ns: i64) -> Result<(), Error> {
        let retentions = store.retentions();
        if retentions != self.retentions {
            // Another prefix may decide now.
            self.by_prefix.clear();
            self.retentions = Arc::clone(&retentions);
        }
        for retention in retentions.iter() {
            let place = self.by_prefix.entry(retention.prefix.clone()).or_default();
            apply(store, retention, &retentions, now_ns, place).await?;
        }
        Ok(())
    }
}

/// Removes the events that are too old, in the order of their positions up to the first that is
/// not.
async fn apply(
    store: &Store,
    retention: &Retention,
    all: &[Retention],
    now_ns: i64,
    place: &mut Place,
) -> Result<(), Error> {
    let begins_ns = retention.begins_ns(now_ns);
    if place.first_ns.is_some_and(|first_ns| first_ns >= begins_ns) {
        return Ok(());
    }
    let selection = Arc::new(Selection::prefix(&retention.prefix));
    let end = store.last_position();
    while place.position < end {
        let window = Window::forwards(place.position, end);
        let page = store.page(&selection, window).await?;
        let young = |event: &Event| event.receive_ns >= begins_ns;
        let first_young = page.events.iter().find(|event| young(event));
        place.first_ns = first_young.map(|event| event.receive_ns);
        let before_young = first_young.map(|event| event.position - 1);
        let old = page.events.iter().take_while(|event| !young(event));
        let removals: Vec<Removal> = old
            .filter(|event| decides(retention, all, &event.topic))
            .map(|event| Removal::of(event.clone()))
            .collect();
        if !removals.is_empty() {
            store.remove(removals).await?;
        }
        place.position = before_young.or(page.next).unwrap_or(end);
        if place.first_ns.is_some() {
            return Ok(());
        }
    }
    Ok(())
}

/// Whether no longer prefix decides over the topic.
fn decides(retention: &Retention, all: &[Retention], topic: &str) -> bool {
    let of_topic = all.iter().filter(|other| topic.starts_with(&other.prefix));
    let longest = of_topic.map(|other| other.prefix.len()).max();
    longest == Some(retention.prefix.len())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn retention(prefix: &str, max_age_s: u64) -> Retention {
        Retention::new(prefix.into(), Duration::from_secs(max_age_s)).unwrap()
    }

    #[test]
    fn the_longest_prefix_decides() {
        let all = [
            retention("", 1),
            retention("user/", 2),
            retention("user/1", 3),
        ];
        let deciding = |topic| {
            let deciding = all.iter().filter(|one| decides(one, &all, topic));
            deciding.map(|one| one.prefix.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(deciding("room/7"), [""]);
        assert_eq!(deciding("user/7"), ["user/"]);
        assert_eq!(deciding("user/17"), ["user/1"]);
    }

    #[test]
    fn an_age_that_cannot_be_meant_is_refused_by_name() {
        let refused = |age| Retention::new("user/".into(), age).unwrap_err().field;
        assert_eq!(refused(Duration::from_millis(999)), "max_age");
        assert_eq!(refused(Duration::MAX), "max_age");
        let long = Retention::new("x".repeat(256), MIN_AGE).unwrap_err();
        assert_eq!(long.field, "topic_prefix");
    }

    #[test]
    fn an_age_from_before_the_first_time_removes_nothing() {
        let longest = Duration::from_nanos(i64::MAX as u64);
        let retention = Retention::new(String::new(), longest).unwrap();
        assert_eq!(retention.begins_ns(0), -i64::MAX);
        assert_eq!(retention.begins_ns(-10), i64::MIN);
    }
}
