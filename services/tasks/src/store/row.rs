//! Tasks as both engines store them.

use muster_kit::trace::TraceContext;
use sqlx::{Database, Encode, QueryBuilder, Type};
use uuid::Uuid;

use crate::completion::Completion;
use crate::selection::Selection;
use crate::task::{Status, Task};

/// Id, user, content, creation, completion, version.
pub(super) type TaskRow = (i64, i64, String, i64, Option<i64>, i64);

/// Position, id, the task as it was, and the trace in which it was completed.
pub(super) type CompletionRow = (
    i64,
    Uuid,
    i64,
    i64,
    String,
    i64,
    Option<i64>,
    i64,
    Option<String>,
    Option<String>,
);

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
    Completion {
        position: row.0,
        id: row.1,
        task: task((row.2, row.3, row.4, row.5, row.6, row.7)),
        trace: TraceContext::read(row.8.as_deref(), row.9.as_deref()),
    }
}

/// Selects the tasks of a page, and one more if there are more.
pub(super) fn page<D>(selection: &Selection) -> QueryBuilder<D>
where
    D: Database,
    for<'q> i64: Encode<'q, D> + Type<D>,
{
    let mut query = QueryBuilder::new(
        "SELECT id, user_id, content, created_at_ms, completed_at_ms, version FROM tasks
         WHERE id > ",
    );
    query.push_bind(selection.after);
    if let Some(user_id) = selection.user_id {
        query.push(" AND user_id = ").push_bind(user_id);
    }
    if let Some(status) = selection.status {
        query.push(" AND status = ").push_bind(number(status));
    }
    query
        .push(" ORDER BY id LIMIT ")
        .push_bind(i64::from(selection.limit) + 1);
    query
}

/// A status as it is stored.
pub(super) fn number(status: Status) -> i64 {
    match status {
        Status::Open => 0,
        Status::Completed => 1,
    }
}
