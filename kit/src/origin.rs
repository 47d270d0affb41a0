//! Which web pages may call the HTTP edges.
//!
//! The edges take JSON whatever the Content-Type, so that any page could post to them without a
//! preflight; hence a foreign `Origin` is refused, and on loopback also a `Host` that is not
//! this machine (a name that an attacker points here: DNS rebinding).

use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use http::header::{HOST, ORIGIN};
use http::{HeaderValue, Request, uri::Authority};

/// The browser origins that are allowed beside the edge's own.
#[derive(Debug, Clone, Default)]
pub struct Origins(Arc<[String]>);

/// A text that is no origin.
#[derive(Debug, Clone, thiserror::Error)]
#[error("expected origins such as https://app.example.org, separated by commas")]
pub struct NoOrigin;

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A page of another origin sent it.
    #[error("a page of this origin may not call; allow it with --origins")]
    Origin,
    /// It is addressed to a name that is not this machine's.
    #[error("on loopback the host must be localhost or a loopback address")]
    Host,
}

impl FromStr for Origins {
    type Err = NoOrigin;

    fn from_str(text: &str) -> Result<Self, NoOrigin> {
        let parts = text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty());
        parts.map(parse_origin).collect::<Result<_, _>>().map(Self)
    }
}

fn parse_origin(text: &str) -> Result<String, NoOrigin> {
    let text = text.trim_end_matches('/').to_ascii_lowercase();
    let (scheme, host) = text.split_once("://").ok_or(NoOrigin)?;
    let host: Authority = host.parse().map_err(|_| NoOrigin)?;
    if !matches!(scheme, "http" | "https") || host.as_str().contains('@') {
        return Err(NoOrigin);
    }
    Ok(text)
}

/// Who sends a request that may pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sender {
    /// A program, or a page of the edge's own origin.
    Own,
    /// A page of this other origin, which is allowed.
    Page(HeaderValue),
}

impl Origins {
    /// Who sends a request to an edge that listens on loopback (or not).
    ///
    /// # Errors
    /// It may not pass.
    pub fn check<B>(&self, request: &Request<B>, on_loopback: bool) -> Result<Sender, Refused> {
        let host = host_of(request);
        if on_loopback && !host.as_ref().is_some_and(is_this_machine) {
            return Err(Refused::Host);
        }
        let Some(sent) = request.headers().get(ORIGIN) else {
            return Ok(Sender::Own);
        };
        let origin = sent.to_str().unwrap_or_default().to_ascii_lowercase();
        if host.is_some_and(|host| is_own(&origin, &host)) {
            return Ok(Sender::Own);
        }
        match self.0.contains(&origin) {
            true => Ok(Sender::Page(sent.clone())),
            false => Err(Refused::Origin),
        }
    }
}

/// Where the request is addressed to: HTTP/2 has an authority, HTTP/1.1 a Host.
fn host_of<B>(request: &Request<B>) -> Option<Authority> {
    if let Some(authority) = request.uri().authority() {
        return Some(authority.clone());
    }
    request.headers().get(HOST)?.to_str().ok()?.parse().ok()
}

/// An edge behind a proxy that ends TLS is addressed by https, hence either scheme.
fn is_own(origin: &str, host: &Authority) -> bool {
    let host = host.as_str().to_ascii_lowercase();
    matches!(origin.split_once("://"), Some(("http" | "https", of)) if of == host)
}

fn is_this_machine(host: &Authority) -> bool {
    let name = host.host().trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn checked(origins: &str, host: &str, origin: Option<&str>) -> Result<Sender, Refused> {
        let mut request = Request::builder().header(HOST, host);
        if let Some(origin) = origin {
            request = request.header(ORIGIN, origin);
        }
        let origins: Origins = origins.parse().unwrap();
        origins.check(&request.body(()).unwrap(), true)
    }

    #[test]
    fn programs_and_own_pages_pass() {
        assert_eq!(checked("", "localhost:8802", None), Ok(Sender::Own));
        assert_eq!(checked("", "127.0.0.1:8802", None), Ok(Sender::Own));
        assert_eq!(checked("", "[::1]:8802", None), Ok(Sender::Own));
        assert_eq!(
            checked("", "localhost:8802", Some("http://localhost:8802")),
            Ok(Sender::Own)
        );
    }

    #[test]
    fn foreign_pages_are_refused_unless_allowed() {
        let page = Some("https://app.example.org");
        assert_eq!(checked("", "localhost:8802", page), Err(Refused::Origin));
        assert_eq!(
            checked("", "localhost:8802", Some("null")),
            Err(Refused::Origin)
        );
        assert_eq!(
            checked("https://app.example.org", "localhost:8802", page),
            Ok(Sender::Page(HeaderValue::from_static(
                "https://app.example.org"
            )))
        );
        let other_port = Some("http://localhost:1");
        assert_eq!(
            checked("", "localhost:8802", other_port),
            Err(Refused::Origin)
        );
    }

    #[test]
    fn a_name_that_points_here_is_refused_on_loopback() {
        assert_eq!(
            checked("", "rebound.example.org:8802", None),
            Err(Refused::Host)
        );
        assert_eq!(checked("", "", None), Err(Refused::Host));
    }

    #[test]
    fn origins_must_be_origins() {
        for text in [
            "example.org",
            "ftp://example.org",
            "https://",
            "https://a@b",
        ] {
            assert!(text.parse::<Origins>().is_err(), "{text:?}");
        }
    }
}
