//! The web console in a real browser: what its reader sees, with all services behind it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod chain;
mod client;
mod files;
mod keyboard;
mod looks;
mod resume;
mod site;
mod views;
