//! Server-sent events, for those who have no WebSocket.
//!
//! A stream has one subscription, which the query names. The `id` of each event is the cursor, so
//! that a browser that comes back goes on where it was (`Last-Event-ID`).

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::Stream;
use tokio::time::{Instant, Sleep, sleep};

use super::Live;
use super::refused::Refused;
use super::session::Session;
use super::traced::handing_over;
use crate::hub::{Close, Form, Found, Mail};
use crate::protocol::{BadRequest, Selection};

/// A line that means nothing is sent after so much silence, so that nobody between takes the
/// connection for a dead one.
const QUIET: Duration = Duration::from_secs(25);

/// `GET /events?user_id=1`, or `topic=`, or `topic_prefix=`; `after=` or `Last-Event-ID`.
pub(super) async fn events(
    State(live): State<Arc<Live>>,
    request: Request,
) -> Result<Response, Refused> {
    let asked = asked(request.uri().query().unwrap_or_default(), request.headers());
    let mut session = live.session(&request)?;
    // Always with marks: the first one has the cursor of the place.
    let subscribed = asked.and_then(|(selection, after)| session.subscribe(selection, after, true));
    subscribed.map_err(|bad| {
        let field = bad.field.unwrap_or("query");
        Refused::new(StatusCode::BAD_REQUEST, format!("{field}: {}", bad.why))
    })?;
    live.stats.event_streams.increment(1);
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let events = EventStream {
        session,
        quiet: Box::pin(sleep(QUIET)),
        has_ended: false,
        why: "by_client",
    };
    Ok((headers, Body::from_stream(events)).into_response())
}

/// The subscription that a query names. What a browser remembers is newer than what the page asked
/// for at first.
fn asked(query: &str, headers: &HeaderMap) -> Result<(Selection, Option<String>), BadRequest> {
    let value = |name: &str| {
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        pairs
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.into_owned())
    };
    let user = value("user_id").map(|id| id.parse()).transpose()?;
    let texts = ["topic", "topic_prefix", "kind"].map(|name| (name, value(name)));
    let text = |name: &'static str| {
        let text = texts.iter().find(|(known, _)| *known == name);
        Ok(text.and_then(|(_, text)| text.as_deref()))
    };
    let selection = Selection::of(text, user)?;
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let last = last.filter(|id| !id.is_empty()).map(str::to_owned);
    Ok((selection, last.or_else(|| value("after"))))
}

/// What is told on a connection.
struct EventStream {
    session: Session,
    quiet: Pin<Box<Sleep>>,
    has_ended: bool,
    /// What ended it.
    why: &'static str,
}

impl Stream for EventStream {
    type Item = Result<Bytes, std::convert::Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        let found = match self.session.poll_mail(cx) {
            Poll::Ready(found) => found,
            Poll::Pending => {
                ready!(self.quiet.as_mut().poll(cx));
                self.quiet.as_mut().reset(Instant::now() + QUIET);
                return Poll::Ready(Some(Ok(Bytes::from_static(b":\n\n"))));
            }
        };
        self.quiet.as_mut().reset(Instant::now() + QUIET);
        match found {
            Found::Mail(mail) => {
                self.session.live.stats.frames_sent.increment(1);
                drop(handing_over(&mail, "sse"));
                Poll::Ready(Some(Ok(told(&mail).into())))
            }
            // The browser comes back by itself.
            Found::Close(close) => {
                self.has_ended = true;
                self.why = match close {
                    Close::TooSlow => "too_slow",
                    Close::Stopping => "stopping",
                };
                Poll::Ready(None)
            }
        }
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        let stats = &self.session.live.stats;
        stats.event_streams.decrement(1);
        stats.closed(self.why);
    }
}

/// As it goes over the wire: <https://html.spec.whatwg.org/multipage/server-sent-events.html>.
fn told(mail: &Mail) -> String {
    let name = match mail {
        Mail::Event { form, .. } if *form == Form::Message => None,
        Mail::Event { .. } => Some("event"),
        Mail::Mark(mark) => Some(mark.name),
        Mail::Frame(_) => Some("error"),
    };
    let mut told = String::new();
    if let Some(name) = name {
        told.push_str(&format!("event: {name}\n"));
    }
    if let Some(cursor) = mail.cursor() {
        told.push_str(&format!("id: {cursor}\n"));
    }
    let text = String::from_utf8_lossy(mail.frame().payload());
    for line in text.split(['\n', '\r']) {
        told.push_str(&format!("data: {line}\n"));
    }
    told.push('\n');
    told
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::hub::{Event, Mark};

    #[test]
    fn events_have_their_cursor_as_id_and_marks_their_name() {
        let event = Event {
            cursor: "c-1".into(),
            id: "e1".into(),
            message: "{\"specversion\":\"1.0\",\"data\":{\n\"a\":1}}".into(),
            ..Event::default()
        };
        let mail = Mail::Event {
            event: Arc::new(event),
            form: Form::Message,
            subscription: 1,
        };
        let expected = "id: c-1\ndata: {\ndata: \"a\":1,\"id\":\"e1\",\"cursor\":\"c-1\"}\n\n";
        assert_eq!(told(&mail), expected);
        let live = told(&Mail::Mark(Mark::live(&"c-2".into(), "\"user_id\":1", 1)));
        assert!(
            live.starts_with("event: live\nid: c-2\ndata: {\"type\":\"live\""),
            "{live}"
        );
    }

    #[test]
    fn what_the_browser_remembers_counts_for_more_than_the_query() {
        let mut headers = HeaderMap::new();
        let query = "topic=deployment%2F7&kind=a+b&after=old";
        let (selection, after) = asked(query, &headers).unwrap();
        let expected = Selection::Topic {
            topic: "deployment/7".into(),
            kind: Some("a b".into()),
        };
        assert_eq!((selection, after.as_deref()), (expected, Some("old")));
        headers.insert("last-event-id", "new".parse().unwrap());
        assert_eq!(asked(query, &headers).unwrap().1.as_deref(), Some("new"));
        for (query, field) in [
            ("", "user_id"),
            ("user_id=x", "user_id"),
            ("topic=", "topic"),
        ] {
            assert_eq!(
                asked(query, &headers).unwrap_err().field,
                Some(field),
                "{query}"
            );
        }
    }
}
