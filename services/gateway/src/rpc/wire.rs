//! In which form a request comes, as its Content-Type says.

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};
use tonic::Status;

/// A form that is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wire {
    /// The Connect protocol's unary call.
    Connect(Format),
    /// gRPC-Web.
    GrpcWeb(Encoding),
}

/// Of the message of a Connect call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Proto,
}

/// Of the frames of a gRPC-Web call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Binary,
    /// Base64.
    Text,
}

impl Wire {
    /// The form of a request. JSON is what it is as long as it does not say that it is something else: `curl -d` sends
    /// the Content-Type of a form. None: gRPC itself, and Connect's streams.
    pub(super) fn of(headers: &HeaderMap) -> Option<Wire> {
        let kind = headers.get(CONTENT_TYPE).map(HeaderValue::to_str);
        let kind = kind.and_then(Result::ok).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        match kind.to_ascii_lowercase().as_str() {
            "application/proto" => Some(Wire::Connect(Format::Proto)),
            "application/grpc-web" | "application/grpc-web+proto" => {
                Some(Wire::GrpcWeb(Encoding::Binary))
            }
            "application/grpc-web-text" | "application/grpc-web-text+proto" => {
                Some(Wire::GrpcWeb(Encoding::Text))
            }
            other if is_refused(other) => None,
            _ => Some(Wire::Connect(Format::Json)),
        }
    }
}

fn is_refused(kind: &str) -> bool {
    ["application/grpc", "application/connect+"]
        .iter()
        .any(|prefix| kind.starts_with(prefix))
}

impl Format {
    /// The Content-Type of an answer.
    pub(super) fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Format::Json => "application/json",
            Format::Proto => "application/proto",
        })
    }
}

impl Encoding {
    /// The Content-Type of an answer.
    pub(super) fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Encoding::Binary => "application/grpc-web+proto",
            Encoding::Text => "application/grpc-web-text+proto",
        })
    }
}

/// Refuses a body that is compressed.
///
/// # Errors
/// UNIMPLEMENTED: it is.
pub(super) fn is_plain(headers: &HeaderMap) -> Result<(), Status> {
    let names = [CONTENT_ENCODING, HeaderName::from_static("grpc-encoding")];
    for name in names {
        let coding = headers.get(&name).map(HeaderValue::as_bytes);
        if coding.is_some_and(|coding| !coding.eq_ignore_ascii_case(b"identity")) {
            return Err(Status::unimplemented(format!(
                "{name}: only identity is understood"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: &'static str) -> Option<Wire> {
        let value = HeaderValue::from_static(kind);
        Wire::of(&HeaderMap::from_iter([(CONTENT_TYPE, value)]))
    }

    #[test]
    fn whatever_does_not_say_otherwise_is_json() {
        let json = Some(Wire::Connect(Format::Json));
        for kind in [
            "application/json",
            "application/x-www-form-urlencoded",
            "text/plain; charset=utf-8",
            "",
        ] {
            assert_eq!(of(kind), json, "{kind:?}");
        }
        assert_eq!(Wire::of(&HeaderMap::new()), json);
    }

    #[test]
    fn other_forms_are_known_by_their_names() {
        assert_eq!(of("application/proto"), Some(Wire::Connect(Format::Proto)));
        let web = |encoding| Some(Wire::GrpcWeb(encoding));
        assert_eq!(of("application/grpc-web"), web(Encoding::Binary));
        assert_eq!(of("Application/gRPC-Web+proto"), web(Encoding::Binary));
        assert_eq!(of("application/grpc-web-text"), web(Encoding::Text));
        assert_eq!(
            of("application/grpc-web-text+proto;x=1"),
            web(Encoding::Text)
        );
        for kind in [
            "application/grpc",
            "application/grpc+proto",
            "application/grpc-web+json",
            "application/connect+json",
        ] {
            assert_eq!(of(kind), None, "{kind:?}");
        }
    }
}
