//! The compatibility API over a real socket.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod create;
mod list;
mod service;
