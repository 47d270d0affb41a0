//! Both APIs: proto ⇄ domain.

use std::time::{SystemTime, UNIX_EPOCH};

pub use compat::Compat;
pub use v1::Api;

mod compat;
mod v1;

/// Now, in nanoseconds since the Unix epoch.
fn now_ns() -> i64 {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX)
}
