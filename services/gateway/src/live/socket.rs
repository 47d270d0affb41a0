//! One WebSocket: a task that reads, writes and keeps time.

use std::future::poll_fn;
use std::hash::{BuildHasher, RandomState};
use std::ops::ControlFlow::{self, Break, Continue};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use muster_kit::server::Upgraded;
use muster_kit::trace::Span;
use tokio::io::AsyncWrite;
use tokio::time::{Instant, Sleep, sleep};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, WebSocket};
use tungstenite::{Bytes, Error, Message};

use super::pace::{Pace, TooFast};
use super::sending::Sending;
use super::session::Session;
use super::traced::handing_over;
use super::wire::{Wire, web_socket};
use crate::hub::{Close, Found, Mail};
use crate::protocol::{BadRequest, Request, frames};

/// A client is asked whether it is still there after so long, at least and at most.
const PING: (Duration, Duration) = (Duration::from_secs(25), Duration::from_secs(30));
/// It is given up once it has let so many of them pass without a word.
const SILENT_PINGS: u8 = 2;
/// How long a close may take, and one of a client that is slow: it has to read what was written
/// before.
const CLOSING: Duration = Duration::from_secs(5);
const CLOSING_SLOW: Duration = Duration::from_secs(30);
/// A timer may be early by so much.
const EARLY: Duration = Duration::from_millis(5);
/// How long clients are to wait at most until they come back to a gateway that stops: within the
/// grace of presence.
const RECONNECT_WITHIN: Duration = Duration::from_secs(4);
/// Messages that are taken, and writes that are made, until other tasks have their turn.
const ROUNDS: usize = 32;
/// What may wait to be written that a client asked for, until it is read again.
const BACKLOG: usize = 64;
const BACKLOG_BYTES: usize = 4096;
/// What is gathered into one write.
const GATHERED_BYTES: usize = 16 * 1024;

/// A WebSocket and all that belongs to it.
struct Socket {
    web: WebSocket<Wire>,
    session: Session,
    sending: Sending,
    pace: Pace,
    /// Whether all that has been read is taken: only then is the socket asked for more.
    is_drained: bool,
    /// The next ping; when it is closing, its end.
    timer: Pin<Box<Sleep>>,
    /// When that is, if the timer has been told to wake the task.
    due: Option<Instant>,
    heard: bool,
    silent_pings: u8,
    /// What was written last of a subscription, and of which: where a client that has it goes on.
    last: Option<(u32, Arc<str>)>,
    /// Of what is being written.
    spans: Vec<Span>,
    closing: Option<Closing>,
}

/// A close from this side, on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closing {
    /// Until the client has answered it.
    Politely,
    /// What the client sends cannot be read any more: until it hangs up.
    Deaf,
}

/// Serves a WebSocket to its end.
pub(super) fn serve(session: Session, upgraded: Upgraded) -> impl Future<Output = ()> + Send {
    // Not in the task: it would keep the buffer in which the request came as long as it runs.
    let mut socket = Socket::new(session, upgraded);
    async move {
        let why = poll_fn(|cx| socket.poll(cx)).await;
        if socket.closing.is_none() {
            socket.session.live.stats.closed(why);
        }
    }
}

impl Socket {
    fn new(session: Session, upgraded: Upgraded) -> Socket {
        session.live.stats.sockets.increment(1);
        Socket {
            web: web_socket(upgraded.socket, upgraded.read.to_vec()),
            session,
            sending: Sending::Nothing,
            pace: Pace::new(),
            is_drained: false,
            timer: Box::pin(sleep(ping())),
            due: None,
            heard: true,
            silent_pings: 0,
            last: None,
            spans: Vec::new(),
            closing: None,
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.session.live.stats.sockets.decrement(1);
    }
}

impl Socket {
    /// Why it has ended, once it has.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<&'static str> {
        loop {
            if let Break(why) = self.read(cx) {
                self.write_last(cx);
                return Poll::Ready(why);
            }
            let was_held_up = self.is_held_up();
            if let Break(why) = self.write(cx) {
                return Poll::Ready(why);
            }
            // Last: what came before may have set the timer anew.
            match self.tick(cx) {
                Break(why) => return Poll::Ready(why),
                Continue(has_pinged) if has_pinged || was_held_up && !self.is_held_up() => {}
                Continue(_) => return Poll::Pending,
            }
        }
    }

    /// Whether the client is to take what it has asked for before it asks for more.
    fn is_held_up(&self) -> bool {
        self.session.backlog() > BACKLOG || self.web.get_ref().control.len() > BACKLOG_BYTES
    }

    fn read(&mut self, cx: &mut Context<'_>) -> ControlFlow<&'static str> {
        if self.closing == Some(Closing::Deaf) {
            return self.hear_nothing(cx);
        }
        for _ in 0..ROUNDS {
            if self.is_held_up() {
                return Continue(());
            }
            if self.is_drained {
                match self.web.get_ref().socket.poll_read_ready(cx) {
                    Poll::Ready(Ok(())) => self.is_drained = false,
                    Poll::Ready(Err(_)) => return Break("cut"),
                    Poll::Pending => return Continue(()),
                }
            }
            match self.web.read() {
                Ok(message) => self.take(message),
                Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    self.is_drained = true;
                }
                Err(Error::Capacity(_)) => {
                    self.close_deaf(CloseCode::Size, "a message has 16384 bytes at most");
                    return Continue(());
                }
                Err(Error::Utf8(_)) => {
                    self.close_deaf(CloseCode::Invalid, "not UTF-8");
                    return Continue(());
                }
                Err(Error::ConnectionClosed | Error::AlreadyClosed) => return Break("by_client"),
                Err(Error::Protocol(
                    tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
                ))
                | Err(Error::Io(_)) => return Break("cut"),
                Err(_) => {
                    self.close_deaf(CloseCode::Protocol, "not the WebSocket protocol");
                    return Continue(());
                }
            }
        }
        cx.waker().wake_by_ref();
        Continue(())
    }

    fn take(&mut self, message: Message) {
        self.heard = true;
        if self.closing.is_some() || matches!(message, Message::Close(_) | Message::Pong(_)) {
            return;
        }
        let taken = self.pace.message().and_then(|()| match message {
            Message::Text(text) => self.request(text.as_str()),
            Message::Binary(_) => self.refuse(&BadRequest::message("expected text, not bytes")),
            _ => Ok(()),
        });
        if taken == Err(TooFast) {
            self.close(CloseCode::Policy, "too many messages", "flood");
        }
    }

    fn request(&mut self, text: &str) -> Result<(), TooFast> {
        match Request::parse(text) {
            Ok(request) => {
                if let Err(bad) = self.session.request(request) {
                    self.session.tell(frames::error(&bad));
                }
                Ok(())
            }
            Err(bad) => self.refuse(&bad),
        }
    }

    fn refuse(&mut self, bad: &BadRequest) -> Result<(), TooFast> {
        self.session.tell(frames::error(bad));
        self.pace.bad()
    }

    /// Reads on without looking, until the client hangs up: a socket that is closed with bytes
    /// unread would take back what was written last.
    fn hear_nothing(&mut self, cx: &mut Context<'_>) -> ControlFlow<&'static str> {
        let socket = &mut self.web.get_mut().socket;
        let mut bytes = [0; 4096];
        for _ in 0..ROUNDS {
            match socket.try_read(&mut bytes) {
                Ok(0) => return Break("deaf"),
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    match socket.poll_read_ready(cx) {
                        Poll::Ready(Ok(())) => {}
                        Poll::Ready(Err(_)) => return Break("deaf"),
                        Poll::Pending => return Continue(()),
                    }
                }
                Err(_) => return Break("deaf"),
            }
        }
        cx.waker().wake_by_ref();
        Continue(())
    }

    /// Pings, and notices a client that is gone; whether there is a ping to write.
    fn tick(&mut self, cx: &mut Context<'_>) -> ControlFlow<&'static str, bool> {
        // Mostly it is mail that wakes the task: a look at the clock costs less than at the timer.
        if self.due.is_some_and(|due| Instant::now() + EARLY < due) {
            return Continue(false);
        }
        let mut has_pinged = false;
        while self.timer.as_mut().poll(cx).is_ready() {
            if self.closing.is_some() {
                return Break("late");
            }
            self.silent_pings = match std::mem::take(&mut self.heard) {
                true => 0,
                false => self.silent_pings + 1,
            };
            if self.silent_pings >= SILENT_PINGS {
                return Break("silent");
            }
            self.set_timer(ping());
            has_pinged = self.web.write(Message::Ping(Bytes::new())).is_ok();
        }
        self.due = Some(self.timer.deadline());
        Continue(has_pinged)
    }

    fn set_timer(&mut self, after: Duration) {
        self.timer.as_mut().reset(Instant::now() + after);
        self.due = None;
    }

    fn write(&mut self, cx: &mut Context<'_>) -> ControlFlow<&'static str> {
        let mut is_empty = false;
        for _ in 0..ROUNDS {
            match self.sending.poll_write(&mut self.web.get_mut().socket, cx) {
                Poll::Ready(Ok(())) => self.spans.clear(),
                Poll::Ready(Err(_)) => {
                    self.spans.iter_mut().for_each(|span| span.fail("cut"));
                    return Break("cut");
                }
                Poll::Pending => {
                    self.close_if_asked(cx);
                    return Continue(());
                }
            }
            if !self.web.get_ref().control.is_empty() {
                let control = std::mem::take(&mut self.web.get_mut().control);
                self.sending = Sending::Bytes(control, 0);
            } else if self.closing.is_some() {
                self.hang_up(cx);
                return Continue(());
            } else if is_empty {
                return Continue(());
            } else {
                match self.session.poll_mail(cx) {
                    Poll::Ready(Found::Mail(mail)) => is_empty = self.send(mail, cx),
                    Poll::Ready(Found::Close(why)) => self.close_for(why),
                    Poll::Pending => return Continue(()),
                }
            }
        }
        cx.waker().wake_by_ref();
        Continue(())
    }

    /// Begins to write this and whatever else there is, up to some bytes; whether that is all, and
    /// the task is woken when there is more.
    fn send(&mut self, mail: Mail, cx: &mut Context<'_>) -> bool {
        let mut frames = 1;
        self.note(&mail);
        self.sending = Sending::Mail(mail, 0);
        let is_empty = loop {
            match self.session.poll_mail(cx) {
                Poll::Ready(Found::Mail(mail)) => {
                    frames += 1;
                    self.note(&mail);
                    if self.sending.gather(&mail) >= GATHERED_BYTES {
                        break false;
                    }
                }
                // It is still to be found afterwards.
                Poll::Ready(Found::Close(_)) => break false,
                Poll::Pending => break true,
            }
        };
        self.session.live.stats.frames_sent.increment(frames);
        is_empty
    }

    fn note(&mut self, mail: &Mail) {
        self.spans.extend(handing_over(mail, "websocket"));
        if let (Some(number), Some(cursor)) = (mail.subscription(), mail.cursor()) {
            self.last = Some((number, Arc::clone(cursor)));
        }
    }

    /// What can be written at once of the answer to a close, and the end: within TLS a client tells it from a cut.
    fn write_last(&mut self, cx: &mut Context<'_>) {
        if !matches!(self.sending, Sending::Nothing) {
            return;
        }
        let Wire { socket, control } = self.web.get_mut();
        let mut socket = Pin::new(socket);
        let written = match control.is_empty() {
            true => Poll::Ready(Ok(0)),
            false => socket.as_mut().poll_write(cx, control),
        };
        if matches!(written, Poll::Ready(Ok(bytes)) if bytes == control.len()) {
            let _best_effort = socket.poll_shutdown(cx);
        }
    }

    /// For a socket that cannot be written to now.
    fn close_if_asked(&mut self, cx: &mut Context<'_>) {
        if self.closing.is_none()
            && let Some(why) = self.session.poll_closed(cx)
        {
            self.close_for(why);
        }
    }

    fn close_for(&mut self, why: Close) {
        match why {
            Close::TooSlow => {
                // One of several subscriptions may be farther than another.
                let only = self.session.only();
                let last = self.last.as_ref();
                let last = last.filter(|(number, _)| only == Some(*number));
                let cursor = last.map(|(_, cursor)| &**cursor);
                let reason = serde_json::json!({ "cursor": cursor }).to_string();
                self.close(CloseCode::Again, &reason, "too_slow");
                self.set_timer(CLOSING_SLOW);
            }
            Close::Stopping => {
                let delay = RECONNECT_WITHIN.mul_f64(chance()).as_millis();
                let reason = format!("{{\"reconnect_ms\":{delay}}}");
                self.close(CloseCode::Restart, &reason, "stopping");
            }
        }
    }

    fn close_deaf(&mut self, code: CloseCode, reason: &str) {
        self.close(code, reason, "bad_frame");
        self.closing = Some(Closing::Deaf);
    }

    /// Begins to close: nothing is written any more behind this.
    fn close(&mut self, code: CloseCode, reason: &str, why: &'static str) {
        self.session.live.stats.closed(why);
        self.session.stop();
        self.closing = Some(Closing::Politely);
        self.set_timer(CLOSING);
        let reason = reason.into();
        // It goes to the control frames; unless the client has closed at this very moment.
        let _sent = self.web.close(Some(CloseFrame { code, reason }));
    }

    /// The close is written. One that is deaf will not hear the answer: the client hears the end.
    fn hang_up(&mut self, cx: &mut Context<'_>) {
        if self.closing == Some(Closing::Deaf) {
            let _gone = Pin::new(&mut self.web.get_mut().socket).poll_shutdown(cx);
        }
    }
}

fn ping() -> Duration {
    PING.0 + (PING.1 - PING.0).mul_f64(chance())
}

/// From 0 to 1.
fn chance() -> f64 {
    RandomState::new().hash_one(0_u8) as f64 / u64::MAX as f64
}
