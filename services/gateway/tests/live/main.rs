//! The live edge over a real socket, with the real services behind it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bad_input;
mod client;
mod drain;
mod event_streams;
mod gateways;
mod intake;
mod late_feed;
mod limits;
mod presence;
mod replay;
mod site;
mod slow;
mod subscribe;

use std::time::Duration;

/// Nothing takes that long.
const SOON: Duration = Duration::from_secs(30);
