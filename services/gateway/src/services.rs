//! The services of the suite: the ways to them, and `GET /services`, which tells how they are.
//!
//! `{"services":[{"name":"tasks","status":"SERVING","instances":[{"addr":"127.0.0.1:3333","status":"SERVING"}]},…]}`.
//! A service is SERVING while one of its instances is, NOT_SERVING when none is, and UNKNOWN when discovery knows none.
//! An instance says itself whether it is SERVING or NOT_SERVING; UNREACHABLE: it does not answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_kit::channel::Channel;
use muster_kit::discovery::Endpoints;
use muster_kit::process::Context;
use tokio::sync::watch;

mod health;

pub use health::routes;

/// The suite's services by the names under which discovery knows them.
pub const NAMES: [&str; 7] = [
    "activity",
    "conflicts",
    "gateway",
    "notificator",
    "presence",
    "tasks",
    "users",
];

/// The ways to all services of the suite. Clones share their connections.
#[derive(Clone)]
pub struct Services(Arc<BTreeMap<&'static str, Way>>);

/// The way to one service.
struct Way {
    channel: Channel,
    endpoints: watch::Receiver<Endpoints>,
}

impl Services {
    /// The services that the registry of a process knows, now and later. Must be called within a runtime.
    pub fn watch(context: &Context) -> Services {
        let way = |name| {
            let endpoints = context.registry.watch(name);
            let channel = context.tls.service(name).all(endpoints.clone());
            (name, Way { channel, endpoints })
        };
        Services(Arc::new(NAMES.map(way).into()))
    }

    /// The way to a service; none: it is not one of the suite's.
    pub fn channel(&self, name: &str) -> Option<Channel> {
        self.0.get(name).map(|way| way.channel.clone())
    }
}
