//! Calls through the gateway as browsers and curl make them, to the real services behind it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bodies;
mod clients;
mod edge;
mod errors;
mod forms;
mod grpc_web;
mod health;
mod json;
mod methods;
mod peer;
mod refused;
mod streams;
mod troubles;

use std::time::Duration;

/// Nothing takes that long.
const SOON: Duration = Duration::from_secs(20);
