//! What was acknowledged survives kill -9, a full disk, and growth.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod client;
mod events;
mod full_disk;
mod kill;
mod ledger;
mod load;
mod volume;
