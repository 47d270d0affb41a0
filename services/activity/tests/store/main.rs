//! What every engine of the store promises. Each test runs against each engine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod backup;
mod batches;
mod durability;
mod engine;
mod identity;
mod indexing;
mod model;
mod reading;
mod tails;
mod trims;
