//! Feeds, each shared by all who ask for the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use metrics::gauge;
use muster_kit::metrics::{Observed, observe};

use super::activity::Activity;
use super::{Feed, Source};

/// Feeds beside that of the users: each is a tail of the activity service.
const MAX_FEEDS: usize = 128;

/// All feeds of the gateway.
pub struct Feeds {
    activity: Activity,
    users: Arc<Feed>,
    others: Arc<Others>,
    _observed: Observed,
}

/// All but that of the users, by what they bring.
type Others = Mutex<HashMap<Source, Weak<Feed>>>;

/// There are as many different feeds as there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the gateway follows {MAX_FEEDS} topics and prefixes already; try again later")]
pub struct TooMany;

impl Feeds {
    /// The feed of the users, and others as they are asked for. Must be called within a runtime.
    pub fn new(activity: Activity) -> Feeds {
        let others = Arc::<Others>::default();
        Feeds {
            users: Feed::begin(&Source::Users, &activity),
            activity,
            _observed: observe({
                let others = Arc::clone(&others);
                move || tell(&others)
            }),
            others,
        }
    }

    /// The feed of all users.
    pub fn users(&self) -> &Arc<Feed> {
        &self.users
    }

    /// The service behind them.
    pub fn activity(&self) -> &Activity {
        &self.activity
    }

    /// The feed of these events.
    ///
    /// # Errors
    /// It would be one too many.
    pub fn get(&self, source: Source) -> Result<Arc<Feed>, TooMany> {
        if source == Source::Users {
            return Ok(Arc::clone(&self.users));
        }
        let mut others = lock(&self.others);
        if let Some(feed) = others.get(&source).and_then(Weak::upgrade) {
            return Ok(feed);
        }
        others.retain(|_, feed| feed.strong_count() > 0);
        if others.len() >= MAX_FEEDS {
            return Err(TooMany);
        }
        let feed = Feed::begin(&source, &self.activity);
        others.insert(source, Arc::downgrade(&feed));
        Ok(feed)
    }
}

/// Tells how many there are; that of the users is always there.
fn tell(others: &Others) {
    let others = lock(others);
    let open = others.values().filter(|feed| feed.strong_count() > 0);
    gauge!("gateway_feeds").set((1 + open.count()) as f64);
    gauge!("gateway_feeds_limit").set((1 + MAX_FEEDS) as f64);
}

fn lock(others: &Others) -> MutexGuard<'_, HashMap<Source, Weak<Feed>>> {
    others.lock().unwrap_or_else(PoisonError::into_inner)
}
