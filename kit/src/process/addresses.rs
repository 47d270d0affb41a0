//! Addresses of others, as settings name them.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU16;

/// `host:port` that others can dial. An IP address may have brackets of either version, so that
/// `[$(POD_IP)]:8082` is right for both.
pub(super) struct Dialled(pub(super) String);

impl std::str::FromStr for Dialled {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "expected host:port, with a port from 1 up";
        let (host, port) = text.rsplit_once(':').ok_or(EXPECTED)?;
        let port: NonZeroU16 = port.parse().map_err(|_| EXPECTED)?;
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(ip) = bare.parse::<IpAddr>() {
            return Ok(Self(SocketAddr::new(ip, port.get()).to_string()));
        }
        let addr: http::uri::Authority = text.parse().map_err(|_| EXPECTED)?;
        match host.is_empty() || host.contains('@') {
            true => Err(EXPECTED),
            false => Ok(Self(addr.to_string())),
        }
    }
}

/// etcd endpoints, separated by commas.
pub(super) struct Endpoints(pub(super) Vec<String>);

impl std::str::FromStr for Endpoints {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let endpoints = text.split(',').map(str::trim).map(|endpoint| {
            let endpoint = endpoint.trim_start_matches("http://").trim_end_matches('/');
            let bare = endpoint.strip_prefix("https://").unwrap_or(endpoint);
            let parsed = bare.parse::<http::uri::Authority>().ok();
            parsed
                .filter(|addr| addr.port_u16().is_some())
                .map(|_| endpoint.to_owned())
        });
        let endpoints = endpoints.collect::<Option<_>>();
        endpoints
            .map(Self)
            .ok_or("expected host:port, separated by commas")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_others_dial_is_a_host_and_a_port() {
        let dialled = |text: &str| text.parse::<Dialled>().map(|Dialled(addr)| addr);
        for (text, addr) in [
            ("10.0.0.7:8082", "10.0.0.7:8082"),
            ("[10.0.0.7]:8082", "10.0.0.7:8082"),
            ("[fd00::7]:8082", "[fd00::7]:8082"),
            ("notificator-0.svc:8082", "notificator-0.svc:8082"),
        ] {
            assert_eq!(dialled(text).unwrap(), addr);
        }
        for text in [
            "",
            "not an address",
            ":8082",
            "host",
            "host:0",
            "a\"b:1",
            "u@host:1",
        ] {
            assert!(dialled(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn endpoints_and_peers_are_lists() {
        let endpoints: Endpoints = "http://a:2379/, b:2379,https://c:2379/".parse().unwrap();
        assert_eq!(endpoints.0, ["a:2379", "b:2379", "https://c:2379"]);
        assert!("a".parse::<Endpoints>().is_err());
    }
}
