//! Tasks as both engines store them.

use uuid::Uuid;

use crate::completion::Completion;
use crate::task::{Status, Task};

/// Id, user, content, creation, completion, version.
pub(super) type TaskRow = (i64, i64, String, i64, Option<i64>, i64);

/// Position, id, and the task as it was.
pub(super) type CompletionRow = (i64, Uuid, i64, i64, String, i64, Option<i64>, i64);

pub(super) fn task(row: TaskRow) -> Task {
    let (id, user_id, content, created_at_ms, completed_at_ms, version) = row;
    Task {
        id,
        user_id,
        content,
        created_at_ms,
        completed_at_ms,
        version,
    }
}

pub(super) fn completion(row: CompletionRow) -> Completion {
    let (position, id, task_id, user_id, content, created_at_ms, completed_at_ms, version) = row;
    let row = (
        task_id,
        user_id,
        content,
        created_at_ms,
        completed_at_ms,
        version,
    );
    Completion {
        position,
        id,
        task: task(row),
    }
}

/// A status as it is stored.
pub(super) fn number(status: Status) -> i64 {
    match status {
        Status::Open => 0,
        Status::Completed => 1,
    }
}
