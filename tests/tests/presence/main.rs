//! Presence as three processes that find each other through a real etcd: they agree, and tell the truth when one dies.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod client;
mod cluster;
mod contract;
mod deaths;
mod discovery;
mod partitions;
mod rollouts;
