//! What a session tells by itself.

use std::time::Duration;

use muster_proto::muster::presence::v1 as pb;
use pb::session_response::News as Kind;
use tokio::time::{Instant, sleep_until};

use crate::grpc::convert;
use crate::roster::{Part, Session, Watching};

/// A client that was told changes waits so long before it is told more, and gets all that came meanwhile at once.
const PAUSE: Duration = Duration::from_millis(2);

/// A session, and the snapshot that is under way.
pub(super) struct News {
    pub(super) session: Session,
    snapshot: Option<(u64, Watching)>,
    told_at: Option<Instant>,
}

impl News {
    pub(super) fn new(session: Session) -> Self {
        Self {
            session,
            snapshot: None,
            told_at: None,
        }
    }

    /// Whether users whom a request watches are not all told yet.
    pub(super) fn is_snapshot_under_way(&self) -> bool {
        self.snapshot.is_some()
    }

    /// Tells next the users whom a request watches.
    pub(super) fn begin_snapshot(&mut self, request_id: u64, watching: Watching) {
        self.snapshot = Some((request_id, watching));
    }

    /// What comes next, once it is there. Nothing is lost if the future is dropped.
    pub(super) async fn next(&mut self) -> pb::SessionResponse {
        loop {
            if let Some(changes) = self.changes() {
                return changes;
            }
            if let Some(part) = self.part() {
                return part;
            }
            match self.pause_end() {
                Some(end) => {
                    sleep_until(end).await;
                    self.told_at = None;
                }
                None => self.session.changed().await,
            }
        }
    }

    /// Until when no changes are told.
    fn pause_end(&self) -> Option<Instant> {
        self.told_at.map(|told_at| told_at + PAUSE)
    }

    /// Who is another than last told.
    fn changes(&mut self) -> Option<pb::SessionResponse> {
        if self.pause_end().is_some_and(|end| Instant::now() < end) {
            return None;
        }
        let part = self.session.changes()?;
        self.told_at = Some(Instant::now());
        // Of the users of a snapshot that is under way, the cursor would know nothing.
        let is_whole = self.snapshot.is_none();
        Some(response(Kind::Changes(pb::Changes {
            cursor: cursor(&part, is_whole),
            users: users(part),
        })))
    }

    /// The next part of the snapshot.
    fn part(&mut self) -> Option<pb::SessionResponse> {
        let (request_id, watching) = self.snapshot.as_mut()?;
        let (request_id, is_resumed) = (*request_id, watching.is_resumed());
        let part = self.session.snapshot(watching);
        let is_last = part.as_ref().is_none_or(|part| part.is_last);
        if is_last {
            self.snapshot = None;
        }
        let part = part?;
        Some(response(Kind::Snapshot(pb::Snapshot {
            request_id,
            is_last,
            is_resumed,
            cursor: cursor(&part, is_last),
            users: users(part),
        })))
    }
}

pub(super) fn response(news: Kind) -> pb::SessionResponse {
    pb::SessionResponse { news: Some(news) }
}

fn cursor(part: &Part, is_whole: bool) -> String {
    match is_whole {
        true => part.cursor.to_string(),
        false => String::new(),
    }
}

fn users(part: Part) -> Vec<pb::UserPresence> {
    part.users.into_iter().map(convert::presence).collect()
}
