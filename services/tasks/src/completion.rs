//! Tasks that were completed, as those are told who want to know.

use bytes::Bytes;
use chrono::DateTime;
use muster_kit::event::Event;
use muster_kit::trace::TraceContext;
use serde::Serialize;
use uuid::Uuid;

use crate::json::TaskJson;
use crate::task::Task;

/// What happened.
pub const KIND: &str = "muster.tasks.task.completed";
const SOURCE: &str = "muster/tasks";
/// As JavaScript writes a date, in UTC.
const DATE: &str = "%a %b %d %Y %H:%M:%S GMT+0000 (Coordinated Universal Time)";

/// A task was completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// Its place among those that wait: of one task, the order in which it was completed.
    pub position: i64,
    /// Stays the same however often it is told; a UUID of version 7.
    pub id: Uuid,
    /// The task as it was then.
    pub task: Task,
    /// The trace in which it was completed. Sent again, the event says the same: it is no other.
    pub trace: Option<TraceContext>,
}

#[derive(Serialize)]
struct MessageJson {
    message: String,
    task: TaskJson,
}

impl Completion {
    /// The message that outsiders get: JSON.
    ///
    /// # Errors
    /// It cannot be written as JSON, which no task brings about.
    pub fn message(&self) -> Result<Bytes, serde_json::Error> {
        serde_json::to_vec(&self.message_json()).map(Bytes::from)
    }

    /// The same as an event.
    ///
    /// # Errors
    /// It cannot be written as JSON, which no task brings about.
    pub fn event(&self) -> Result<Event, serde_json::Error> {
        Ok(Event {
            id: self.id.to_string(),
            source: SOURCE.to_owned(),
            kind: KIND.to_owned(),
            subject: Some(format!("task/{}", self.task.id)),
            time_ms: self.completed_at_ms(),
            recipient: Some(self.task.user_id.to_string()),
            trace: self.trace.clone(),
            data: serde_json::to_value(self.message_json())?,
        })
    }

    fn message_json(&self) -> MessageJson {
        let date = DateTime::from_timestamp_millis(self.completed_at_ms()).unwrap_or_default();
        let (id, date) = (self.task.id, date.format(DATE));
        MessageJson {
            message: format!("task {id} has been completed at {date}"),
            task: self.task.clone().into(),
        }
    }

    fn completed_at_ms(&self) -> i64 {
        self.task.completed_at_ms.unwrap_or_default()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn completion() -> Completion {
        Completion {
            position: 5,
            id: Uuid::from_u128(7),
            trace: None,
            task: Task {
                id: 1,
                user_id: 3,
                content: "Water the \"plants\"".to_owned(),
                created_at_ms: 1_704_214_800_000,
                completed_at_ms: Some(1_706_907_323_456),
                version: 2,
            },
        }
    }

    #[test]
    fn the_message_is_what_the_contract_says() {
        assert_eq!(
            completion().message().unwrap(),
            r#"{"message":"task 1 has been completed at Fri Feb 02 2024 20:55:23 GMT+0000 (Coordinated Universal Time)","task":{"id":1,"user_id":3,"status":1,"content":"Water the \"plants\"","createdAt":"2024-01-02T17:00:00.000Z","completedAt":"2024-02-02T20:55:23.456Z"}}"#
        );
    }

    #[test]
    fn the_event_carries_the_message_to_the_user_of_the_task() {
        let event = completion().event().unwrap();
        let message: serde_json::Value =
            serde_json::from_slice(&completion().message().unwrap()).unwrap();
        assert_eq!(event.data, message);
        assert_eq!(event.kind, "muster.tasks.task.completed");
        assert_eq!(event.recipient.as_deref(), Some("3"));
        assert_eq!(event.subject.as_deref(), Some("task/1"));
        assert_eq!(event.id, "00000000-0000-0000-0000-000000000007");
        assert_eq!(event.time_ms, 1_706_907_323_456);
    }
}
