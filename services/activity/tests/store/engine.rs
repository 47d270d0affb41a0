//! The engines under test.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::Poll;

use futures_util::future::{join_all, maybe_done};
use muster_activity::error::Error;
use muster_activity::event::{Event, NewEvent};
use muster_activity::selection::Selection;
use muster_activity::store::{Appended, Store, Window};
use muster_activity::topic::Topic;
use muster_kit::process::Context;
use muster_kit::store::SqliteUrl;
use tempfile::TempDir;

/// A place where a store can be opened, closed, and opened again.
pub(crate) struct Engine {
    folder: TempDir,
}

/// One of each kind.
pub(crate) fn engines() -> Vec<Engine> {
    vec![Engine {
        folder: tempfile::tempdir().unwrap(),
    }]
}

impl Engine {
    pub(crate) fn url(&self) -> SqliteUrl {
        SqliteUrl(self.folder.path().join("activity.db"))
    }

    pub(crate) async fn try_open(&self) -> Result<Store, Error> {
        let need = Context::for_test("activity").health.need("store");
        Store::open(&self.url(), need).await
    }

    pub(crate) async fn open(&self) -> Store {
        self.try_open().await.unwrap()
    }
}

/// An event of a deployment; id 0 lets the store give one.
pub(crate) fn event(deployment: i32, id: i32, message: &str) -> NewEvent {
    NewEvent::of_deployment(deployment, id, message.into(), 1_000, 2_000).unwrap()
}

/// An event of any topic.
pub(crate) fn other(topic: &str, id: &str, message: &str) -> NewEvent {
    NewEvent {
        topic: Topic::parse(topic.into()).unwrap(),
        id: Some(id.into()),
        ..event(1, 1, message)
    }
}

/// Appends all at the same time, in this order.
pub(crate) async fn append_all(
    store: &Store,
    events: impl IntoIterator<Item = NewEvent>,
) -> Vec<Result<Appended, Error>> {
    let mut appends: Vec<_> = events
        .into_iter()
        .map(|event| Box::pin(maybe_done(store.append(event))))
        .collect();
    // All enter the queue in turn: join_all polls in any order when they are many, and a task
    // may take only so many steps at a time.
    tokio::task::unconstrained(poll_fn(|context| {
        for append in &mut appends {
            let _ = append.as_mut().poll(context);
        }
        Poll::Ready(())
    }))
    .await;
    join_all(&mut appends).await;
    appends
        .iter_mut()
        .filter_map(|append| append.as_mut().take_output())
        .collect()
}

/// All selected events, page by page.
pub(crate) async fn read(store: &Store, selection: Selection) -> Vec<Event> {
    let all = Window::forwards(0, store.last_position());
    read_window(store, selection, all).await
}

/// The selected events of a window, page by page.
pub(crate) async fn read_window(store: &Store, selection: Selection, window: Window) -> Vec<Event> {
    let selection = Arc::new(selection);
    let (mut events, mut rest) = (Vec::new(), Some(window));
    while let Some(window) = rest {
        let page = store.page(&selection, window).await.unwrap();
        assert!(page.events.len() <= window.limit_events);
        events.extend(page.events);
        rest = page.next.map(|next| window.from(next));
    }
    events
}

/// Everything in the store.
pub(crate) async fn read_all(store: &Store) -> Vec<Event> {
    read(store, Selection::prefix("")).await
}
