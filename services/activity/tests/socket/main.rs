//! Both APIs over a real socket.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod append;
mod append_stream;
mod create;
mod list;
mod pages;
mod service;
mod tail;
mod trim;
