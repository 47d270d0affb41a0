//! Where the broker is.

use std::fmt;
use std::str::FromStr;

use lapin::uri::{AMQPScheme, AMQPUri};

/// Two of these without a word from the broker, and the connection is given up.
const HEARTBEAT_S: u16 = 5;
const CONNECT_TIMEOUT_MS: u64 = 5_000;

/// A broker: `amqp://user:password@host:port/vhost`. Shown without its password.
#[derive(Clone, PartialEq, Eq)]
pub struct AmqpUrl(AMQPUri);

/// A text that names no broker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAmqpUrl {
    /// It has another form.
    #[error("expected amqp://user:password@host:port/vhost")]
    Form,
    /// It asks for TLS.
    #[error("amqps:// is not supported: expected amqp://")]
    Tls,
}

impl AmqpUrl {
    pub(super) fn uri(&self) -> AMQPUri {
        self.0.clone()
    }
}

impl FromStr for AmqpUrl {
    type Err = NoAmqpUrl;

    fn from_str(text: &str) -> Result<Self, NoAmqpUrl> {
        let mut uri: AMQPUri = text.parse().map_err(|_| NoAmqpUrl::Form)?;
        if uri.scheme != AMQPScheme::AMQP {
            return Err(NoAmqpUrl::Tls);
        }
        uri.query.heartbeat.get_or_insert(HEARTBEAT_S);
        uri.query
            .connection_timeout
            .get_or_insert(CONNECT_TIMEOUT_MS);
        Ok(Self(uri))
    }
}

impl fmt::Display for AmqpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = &self.0.authority;
        write!(f, "amqp://{}:{}", authority.host, authority.port)
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
        assert_eq!("broker:5672".parse::<AmqpUrl>(), Err(NoAmqpUrl::Form));
        assert_eq!("".parse::<AmqpUrl>(), Err(NoAmqpUrl::Form));
        assert_eq!("http://broker".parse::<AmqpUrl>(), Err(NoAmqpUrl::Form));
        assert_eq!("amqps://broker".parse::<AmqpUrl>(), Err(NoAmqpUrl::Tls));
    }
}
