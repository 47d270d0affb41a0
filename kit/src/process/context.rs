//! What a running service gets from its process.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::Shutdown;
use crate::bus::Bus;
use crate::channel::Channel;
use crate::discovery::Registry;
use crate::health::Health;
use crate::origin::Origins;
use crate::tls::Tls;

/// What a running service gets from its process.
#[derive(Debug, Clone)]
pub struct Context {
    /// The service's name.
    pub service: &'static str,
    /// Fires when the process is asked to stop.
    pub shutdown: Shutdown,
    /// The service's health.
    pub health: Health,
    /// Where other services are found.
    pub registry: Registry,
    /// How events get to other services.
    pub bus: Bus,
    /// How long a stop waits before it cuts what is left.
    pub drain: Duration,
    /// What is shown to callers and to those who are called.
    pub tls: Tls,
    /// Browser origins that may call.
    pub origins: Origins,
    /// What others dial, where it is not the bound address.
    pub advertise: Option<String>,
}

impl Context {
    /// The way to a service of the suite, wherever its instances are. Must be called within a runtime.
    pub fn channel(&self, service: &str) -> Channel {
        self.tls.service(service).all(self.registry.watch(service))
    }

    /// What others dial: what the settings say, or the bound address; where that is all interfaces, the one that leads
    /// to the registry, as soon as it is known.
    pub async fn advertised(&self, bound: SocketAddr) -> String {
        if let Some(addr) = &self.advertise {
            return addr.clone();
        }
        if !bound.ip().is_unspecified() {
            return bound.to_string();
        }
        // Without a registry beyond this process, others in it are all there are.
        let ip = self.registry.local_ip().await;
        SocketAddr::new(ip.unwrap_or(Ipv4Addr::LOCALHOST.into()), bound.port()).to_string()
    }

    /// A context of its own for a test: nothing is shared with other services.
    pub fn for_test(service: &'static str) -> Self {
        Self {
            service,
            shutdown: Shutdown::new(),
            health: Health::default(),
            registry: Registry::in_process(),
            bus: Bus::in_process().used_by(service),
            drain: Duration::from_secs(5),
            tls: Tls::default(),
            origins: Origins::default(),
            advertise: None,
        }
    }
}
