//! Scenarios across services, and checks of the structure.
//!
//! Here: the project as its own tests see it, as files and as packages; and a running suite as its users see it, with
//! the scenarios that hold whoever runs it.

// Used from tests alone: what cannot be read has failed the test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod packages;
pub mod scenarios;
mod sources;
mod subscriber;
mod suite;
mod writer;

use std::time::Duration;

pub use packages::{Package, packages};
pub use sources::{Source, root, sources};
pub use subscriber::{Completions, Subscriber};
pub use suite::{Suite, call, refused};
pub use writer::{Writer, create, set};

/// How long whatever has to happen may take, restarts included.
pub const DEADLINE: Duration = Duration::from_secs(90);
