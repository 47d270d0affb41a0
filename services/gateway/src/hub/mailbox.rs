//! What waits to be written to a socket.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use metrics::gauge;

use super::event::{Event, Form};
use super::page::Page;
use crate::protocol::{Frame, Reason, frames};

/// The most that may wait for one socket: one that is farther behind is closed, and comes back.
const MOST_FRAMES: usize = 2_048;
const MOST_BYTES: usize = 1024 * 1024;
/// The most that may wait for all sockets, and what each has for itself even then.
const MOST_BYTES_OF_ALL: usize = 256 * 1024 * 1024;
const OWN_BYTES: usize = 16 * 1024;

/// Something for a socket.
#[derive(Debug, Clone)]
pub enum Mail {
    /// An event, shared with others.
    Event {
        /// The event.
        event: Arc<Event>,
        /// How it is told.
        form: Form,
        /// For which of the socket's subscriptions.
        subscription: u32,
    },
    /// A mark between events.
    Mark(Mark),
    /// Any other frame.
    Frame(Frame),
}

/// A frame that tells how a subscription goes on.
#[derive(Debug, Clone)]
pub struct Mark {
    /// `live` or `reset`.
    pub name: &'static str,
    /// Which of the socket's subscriptions.
    pub subscription: u32,
    /// Where it goes on.
    pub cursor: Arc<str>,
    /// The frame.
    pub frame: Frame,
}

/// Why a socket is closed from this side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// More waits for it than may.
    TooSlow,
    /// The gateway stops.
    Stopping,
}

/// The mail of one socket. Takes no memory of its own while there is none, or one piece.
///
/// All that a socket has of events lies here, so that it can be taken away from one that is never
/// written to again.
#[derive(Debug)]
pub struct Mailbox {
    state: Mutex<State>,
    office: Arc<Office>,
}

/// What all mailboxes have in common.
#[derive(Debug, Default)]
pub struct Office {
    waiting_bytes: AtomicUsize,
}

impl Office {
    /// Tells what waits for all sockets together.
    pub fn tell(&self) {
        let waiting = self.waiting_bytes.load(Ordering::Relaxed);
        gauge!("gateway_mailboxes_bytes").set(waiting as f64);
        gauge!("gateway_mailboxes_limit_bytes").set(MOST_BYTES_OF_ALL as f64);
    }
}

#[derive(Debug, Default)]
struct State {
    first: Option<Mail>,
    rest: VecDeque<Mail>,
    /// What they take.
    bytes: usize,
    /// What is caught up with, beside them.
    page: Option<Box<Page>>,
    close: Option<Close>,
    owner: Option<Waker>,
}

/// What an owner finds.
#[derive(Debug)]
pub enum Found {
    /// The next piece.
    Mail(Mail),
    /// The socket is to be closed: what waited is gone.
    Close(Close),
}

impl Mark {
    /// The subscription of this label is live.
    pub fn live(cursor: &Arc<str>, label: &str, subscription: u32) -> Mark {
        Mark {
            name: "live",
            subscription,
            cursor: Arc::clone(cursor),
            frame: frames::live(cursor, label),
        }
    }

    /// What lies in front of the cursor is not to be had for the subscription of this label.
    pub fn reset(reason: Reason, cursor: &Arc<str>, label: &str, subscription: u32) -> Mark {
        Mark {
            name: "reset",
            subscription,
            cursor: Arc::clone(cursor),
            frame: frames::reset(reason, cursor, label),
        }
    }
}

impl Mail {
    /// The frame to write.
    pub fn frame(&self) -> &Frame {
        match self {
            Self::Event { event, form, .. } => event.frame(*form),
            Self::Mark(mark) => &mark.frame,
            Self::Frame(frame) => frame,
        }
    }

    /// Where who has it goes on, if it tells that.
    pub fn cursor(&self) -> Option<&Arc<str>> {
        match self {
            Self::Event { event, .. } => Some(&event.cursor),
            Self::Mark(mark) => Some(&mark.cursor),
            Self::Frame(_) => None,
        }
    }

    /// Which of the socket's subscriptions it is for.
    pub fn subscription(&self) -> Option<u32> {
        match self {
            Self::Event { subscription, .. } => Some(*subscription),
            Self::Mark(mark) => Some(mark.subscription),
            Self::Frame(_) => None,
        }
    }

    fn bytes(&self) -> usize {
        self.frame().wire().len()
    }
}

impl Mailbox {
    /// An empty one.
    pub fn new(office: &Arc<Office>) -> Arc<Mailbox> {
        Arc::new(Mailbox {
            state: Mutex::default(),
            office: Arc::clone(office),
        })
    }

    /// Puts something in; closes the socket where that is too much.
    pub fn push(&self, mail: Mail) {
        let bytes = mail.bytes();
        let mut state = self.lock();
        if state.close.is_some() {
            return;
        }
        let of_all = self
            .office
            .waiting_bytes
            .fetch_add(bytes, Ordering::Relaxed);
        state.bytes += bytes;
        if state.is_full(of_all) {
            self.empty(&mut state);
            state.close = Some(Close::TooSlow);
        } else {
            state.add(mail);
        }
        wake(state);
    }

    /// Closes the socket; what waits for it is dropped.
    pub fn close(&self, why: Close) {
        let mut state = self.lock();
        self.empty(&mut state);
        state.close.get_or_insert(why);
        wake(state);
    }

    /// The next piece; pending while there is none.
    pub fn poll_take(&self, cx: &mut Context<'_>) -> Poll<Found> {
        let mut state = self.lock();
        if let Some(close) = state.close {
            return Poll::Ready(Found::Close(close));
        }
        let Some(mail) = state.first.take() else {
            state.own(cx);
            return Poll::Pending;
        };
        state.first = state.rest.pop_front();
        if state.rest.is_empty() {
            state.rest = VecDeque::new();
        }
        self.count_out(&mut state, mail.bytes());
        Poll::Ready(Found::Mail(mail))
    }

    /// Puts in what is caught up with next, unless the socket is to be closed.
    pub fn put(&self, page: Page) {
        let mut state = self.lock();
        if state.close.is_none() && !page.is_empty() {
            state.page = Some(Box::new(page));
        }
    }

    /// Whether there is something that is caught up with.
    pub fn has_page(&self) -> bool {
        self.lock().page.is_some()
    }

    /// The next piece of what is caught up with.
    pub fn take_of_page(&self) -> Option<Mail> {
        let mut state = self.lock();
        let mail = state.page.as_mut()?.pop();
        state.page.take_if(|page| page.is_empty());
        mail
    }

    /// Closes the socket if it has had a page for so long: others wait for the room.
    pub fn close_if_held(&self, longest: Duration) {
        let page_age = self.lock().page.as_ref().map(|page| page.age());
        if page_age.is_some_and(|age| age > longest) {
            self.close(Close::TooSlow);
        }
    }

    /// Drops what is there for a subscription that has ended.
    pub fn forget(&self, subscription: u32) {
        let mut state = self.lock();
        state
            .page
            .take_if(|page| page.subscription() == subscription);
        let (first, rest) = (state.first.take(), std::mem::take(&mut state.rest));
        for mail in first.into_iter().chain(rest) {
            if mail.subscription() == Some(subscription) {
                self.count_out(&mut state, mail.bytes());
            } else {
                state.add(mail);
            }
        }
    }

    /// Whether the socket is to be closed; its owner hears of it.
    pub fn poll_closed(&self, cx: &mut Context<'_>) -> Option<Close> {
        let mut state = self.lock();
        state.own(cx);
        state.close
    }

    fn empty(&self, state: &mut State) {
        (state.first, state.rest, state.page) = (None, VecDeque::new(), None);
        let bytes = state.bytes;
        self.count_out(state, bytes);
    }

    fn count_out(&self, state: &mut State, bytes: usize) {
        state.bytes -= bytes;
        self.office
            .waiting_bytes
            .fetch_sub(bytes, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        let bytes = self.lock().bytes;
        self.office
            .waiting_bytes
            .fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl State {
    fn add(&mut self, mail: Mail) {
        if self.first.is_none() {
            self.first = Some(mail);
        } else {
            self.rest.push_back(mail);
        }
    }

    /// Whom to wake.
    fn own(&mut self, cx: &Context<'_>) {
        if !self
            .owner
            .as_ref()
            .is_some_and(|owner| owner.will_wake(cx.waker()))
        {
            self.owner = Some(cx.waker().clone());
        }
    }

    fn is_full(&self, of_all: usize) -> bool {
        let own = self.bytes > MOST_BYTES || self.rest.len() + 1 >= MOST_FRAMES;
        own || (of_all > MOST_BYTES_OF_ALL && self.bytes > OWN_BYTES)
    }
}

/// The owner is woken without the lock, which it takes at once.
fn wake(mut state: MutexGuard<'_, State>) {
    let owner = state.owner.take();
    drop(state);
    if let Some(owner) = owner {
        owner.wake();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use futures_util::task::noop_waker_ref;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::hub::Member;

    fn mail(bytes: usize) -> Mail {
        Mail::Frame(Frame::text(&"x".repeat(bytes)))
    }

    fn take(mailbox: &Mailbox) -> Option<Found> {
        match mailbox.poll_take(&mut Context::from_waker(noop_waker_ref())) {
            Poll::Ready(found) => Some(found),
            Poll::Pending => None,
        }
    }

    #[test]
    fn mail_comes_in_the_order_in_which_it_was_put_in() {
        let mailbox = Mailbox::new(&Arc::default());
        (1..=3).for_each(|bytes| mailbox.push(mail(bytes)));
        for bytes in 1..=3 {
            let Some(Found::Mail(mail)) = take(&mailbox) else {
                panic!("nothing there")
            };
            assert_eq!(mail.frame().payload().len(), bytes);
        }
        assert!(take(&mailbox).is_none());
        assert_eq!(mailbox.office.waiting_bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn too_much_mail_closes_the_socket_and_is_dropped() {
        for (count, bytes) in [(MOST_FRAMES, 1), (2, MOST_BYTES / 2)] {
            let mailbox = Mailbox::new(&Arc::default());
            (0..count - 1).for_each(|_| mailbox.push(mail(bytes)));
            assert!(mailbox.lock().close.is_none());
            (0..2).for_each(|_| mailbox.push(mail(bytes)));
            assert!(matches!(take(&mailbox), Some(Found::Close(Close::TooSlow))));
            assert_eq!(mailbox.office.waiting_bytes.load(Ordering::Relaxed), 0);
        }
    }

    #[test]
    fn where_all_have_too_much_the_largest_give_way() {
        let office = Arc::<Office>::default();
        office
            .waiting_bytes
            .store(MOST_BYTES_OF_ALL + 1, Ordering::Relaxed);
        let (small, large) = (Mailbox::new(&office), Mailbox::new(&office));
        small.push(mail(OWN_BYTES / 2));
        large.push(mail(OWN_BYTES * 2));
        assert!(matches!(take(&small), Some(Found::Mail(_))));
        assert!(matches!(take(&large), Some(Found::Close(Close::TooSlow))));
    }

    #[test]
    fn what_is_caught_up_with_gives_its_room_back_when_it_is_taken_or_held_too_long() {
        let room = Arc::new(Semaphore::new(1));
        let mailbox = Mailbox::new(&Arc::default());
        let put = || {
            let permit = Arc::clone(&room).try_acquire_owned().unwrap();
            let member = Member {
                mailbox: Arc::clone(&mailbox),
                number: 1,
                form: Form::Event,
                kind: None,
                after: i64::MIN,
                label: None,
            };
            mailbox.put(Page::new(&member, [Arc::default()], Some(permit)));
        };
        put();
        mailbox.close_if_held(Duration::MAX);
        assert!(mailbox.take_of_page().is_some());
        assert_eq!(room.available_permits(), 1);
        put();
        mailbox.close_if_held(Duration::ZERO);
        assert_eq!(room.available_permits(), 1);
        assert!(matches!(take(&mailbox), Some(Found::Close(Close::TooSlow))));
    }

    #[test]
    fn a_closed_socket_gets_nothing_more() {
        let mailbox = Mailbox::new(&Arc::default());
        mailbox.push(mail(1));
        mailbox.close(Close::Stopping);
        mailbox.push(mail(1));
        mailbox.close(Close::TooSlow);
        assert!(matches!(
            take(&mailbox),
            Some(Found::Close(Close::Stopping))
        ));
    }
}
