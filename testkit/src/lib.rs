//! Starts real services and real components for tests, on free ports.
//!
//! Used from tests and the benchmark alone, and knows no crate of the suite: services are started as the binaries
//! that a user starts, so whatever holds here holds outside. Every process is killed when its handle is dropped, and when
//! the test fails, what it wrote is printed.
//!
//! ```no_run
//! # async fn example() {
//! use muster_testkit::{Etcd, Service};
//!
//! let etcd = Etcd::start().await;
//! let users = Service::start("muster-users", &["--etcd", &etcd.endpoint()]).await;
//! println!("users listens on {}", users.addr());
//! # }
//! ```

// A test that cannot start what it needs has failed: a panic with a clear sentence is how it says so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod browser;
mod dice;
mod docker;
mod empty_root;
mod etcd;
mod http;
mod lan;
mod mail;
mod mariadb;
mod names;
mod network;
mod not_run;
mod port;
mod process;
mod promise;
mod rabbitmq;
mod service;
mod small_disk;
mod smtp;
mod tool;
mod wait;

pub use browser::{Browser, Key, Page, Scheme};
pub use dice::{Dice, seed, seed_or};
pub use docker::{Container, ContainerNetwork, Docker};
pub use empty_root::{EmptyRoot, static_binary};
pub use etcd::Etcd;
pub use http::{get, request};
pub use lan::{Host, Lan};
pub use mail::mails;
pub use mariadb::MariaDb;
pub use names::{BINARIES, PROBES, SERVICES};
pub use network::Network;
pub use not_run::not_run;
pub use port::free_port;
pub use process::Process;
pub use promise::{leeway, measured, report};
pub use rabbitmq::RabbitMq;
pub use service::{Service, listening};
pub use small_disk::SmallDisk;
pub use smtp::Smtp;
pub use tool::{Output, curl, find, grpcurl, health_probe, program, run, target_dir};
pub use wait::eventually;
