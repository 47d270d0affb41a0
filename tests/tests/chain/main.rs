//! The way of a completed task, through separate processes with a real MariaDB, RabbitMQ and etcd: from a PATCH with curl to
//! the frame at who subscribed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod broker;
mod contract;
mod deaths;
mod embedded;
mod page;
mod several;
mod site;
