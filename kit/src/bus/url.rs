//! Where the broker is.

use std::fmt;
use std::str::FromStr;

use lapin::uri::{AMQPScheme, AMQPUri};

use crate::tls::{Dial, Tls};

/// Two of these without a word from the broker, and the connection is given up.
const HEARTBEAT_S: u16 = 5;
const CONNECT_TIMEOUT_MS: u64 = 5_000;

/// A broker: `amqp://user:password@host:port/vhost`, or `amqps://…` for TLS. Shown without its password.
#[derive(Clone)]
pub struct AmqpUrl {
    uri: AMQPUri,
    tls: Tls,
}

/// A text that names no broker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAmqpUrl {
    /// It has another form.
    #[error("expected amqp://user:password@host:port/vhost")]
    Form,
}

impl AmqpUrl {
    pub(super) fn uri(&self) -> AMQPUri {
        self.uri.clone()
    }

    /// The same, with what the process shows and believes where the broker speaks TLS.
    pub fn within(self, tls: &Tls) -> Self {
        let tls = tls.clone();
        Self { tls, ..self }
    }

    /// How to dial it, if not in the clear.
    pub(super) fn dial(&self) -> Option<Dial> {
        let is_secure = self.uri.scheme == AMQPScheme::AMQPS;
        is_secure.then(|| self.tls.address_with_tls().for_any_protocol())
    }
}

impl FromStr for AmqpUrl {
    type Err = NoAmqpUrl;

    fn from_str(text: &str) -> Result<Self, NoAmqpUrl> {
        let mut uri: AMQPUri = text.parse().map_err(|_| NoAmqpUrl::Form)?;
        uri.query.heartbeat.get_or_insert(HEARTBEAT_S);
        uri.query
            .connection_timeout
            .get_or_insert(CONNECT_TIMEOUT_MS);
        let tls = Tls::default();
        Ok(Self { uri, tls })
    }
}

impl fmt::Display for AmqpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AMQPUri {
            scheme, authority, ..
        } = &self.uri;
        write!(f, "{scheme}://{}:{}", authority.host, authority.port)
    }
}

impl fmt::Debug for AmqpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_password() {
        let url: AmqpUrl = "amqp://albert:secret@broker:5673/%2f".parse().unwrap();
        assert_eq!(
            format!("{url} {url:?}"),
            "amqp://broker:5673 amqp://broker:5673"
        );
        assert_eq!(url.uri().authority.userinfo.password, "secret");
        assert_eq!(url.uri().vhost, "/");
    }

    #[test]
    fn what_the_url_says_of_heartbeats_holds() {
        let heartbeat = |text: &str| text.parse::<AmqpUrl>().unwrap().uri().query.heartbeat;
        assert_eq!(heartbeat("amqp://broker"), Some(HEARTBEAT_S));
        assert_eq!(heartbeat("amqp://broker/%2f?heartbeat=3"), Some(3));
    }

    #[test]
    fn what_names_no_broker_is_refused() {
        for text in ["broker:5672", "", "http://broker"] {
            assert_eq!(text.parse::<AmqpUrl>().unwrap_err(), NoAmqpUrl::Form);
        }
    }

    #[test]
    fn the_scheme_says_whether_it_is_dialled_with_tls() {
        let url: AmqpUrl = "amqps://me:secret@broker".parse().unwrap();
        assert_eq!(url.to_string(), "amqps://broker:5671");
        assert!(url.dial().is_some());
        let url: AmqpUrl = "amqp://broker".parse().unwrap();
        assert!(url.dial().is_none());
    }
}
