//! A task as JSON: over HTTP, and in the messages that tell of it.

use chrono::{DateTime, SecondsFormat};
use serde::Serialize;

use crate::task::{Status, Task};

/// A task as the contract writes it, its fields in this order.
#[derive(Debug, Serialize)]
pub(crate) struct TaskJson {
    id: i64,
    user_id: i64,
    status: u8,
    content: String,
    #[serde(rename = "createdAt")]
    created_at: String,
    #[serde(rename = "completedAt")]
    completed_at: Option<String>,
}

impl From<Task> for TaskJson {
    fn from(task: Task) -> Self {
        TaskJson {
            id: task.id,
            user_id: task.user_id,
            status: number(task.status()),
            created_at: iso(task.created_at_ms),
            completed_at: task.completed_at_ms.map(iso),
            content: task.content,
        }
    }
}

/// A status as JSON writes it.
pub(crate) fn number(status: Status) -> u8 {
    match status {
        Status::Open => 0,
        Status::Completed => 1,
    }
}

/// The status that a number stands for.
pub(crate) fn status(number: i64) -> Option<Status> {
    match number {
        0 => Some(Status::Open),
        1 => Some(Status::Completed),
        _ => None,
    }
}

/// With milliseconds, and Z for UTC.
fn iso(ms: i64) -> String {
    let time = DateTime::from_timestamp_millis(ms).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_written_as_the_contract_says() {
        let mut task = Task {
            id: 1,
            user_id: 1,
            content: "Water the plants".to_owned(),
            created_at_ms: 1_704_214_800_000,
            completed_at_ms: None,
            version: 3,
        };
        let json = |task: &Task| serde_json::to_string(&TaskJson::from(task.clone())).unwrap();
        assert_eq!(
            json(&task),
            r#"{"id":1,"user_id":1,"status":0,"content":"Water the plants","createdAt":"2024-01-02T17:00:00.000Z","completedAt":null}"#
        );
        task.completed_at_ms = Some(1_704_214_800_001);
        let completed = json(&task);
        assert!(completed.contains(r#""status":1,"#), "{completed}");
        assert!(
            completed.ends_with(r#""completedAt":"2024-01-02T17:00:00.001Z"}"#),
            "{completed}"
        );
    }

    #[test]
    fn a_status_is_read_as_it_is_written() {
        for known in [Status::Open, Status::Completed] {
            assert_eq!(status(number(known).into()), Some(known));
        }
        assert_eq!((status(-1), status(2)), (None, None));
    }
}
