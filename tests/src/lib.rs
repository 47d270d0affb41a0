//! Scenarios across services, and checks of the structure.
//!
//! Here: the project as its own tests see it, as files and as packages.

// Used from tests alone: what cannot be read has failed the test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod packages;
mod sources;

pub use packages::{Package, packages};
pub use sources::{Source, root, sources};
