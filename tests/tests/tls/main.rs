//! TLS between all parts: the real binaries, with certificates that the tests make.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod backends;
mod callers;
mod certs;
mod mail;
mod pki;
mod registry;
mod rotation;
mod suite;
mod web_socket;

use std::time::Duration;

/// Longer than anything here takes.
const SOON: Duration = Duration::from_secs(20);
