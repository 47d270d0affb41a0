//! What a body says.

use serde_json::{Map, Value};

use super::problem::Problem;
use crate::input::{Content, Key, NewTask, Violation, parse_user_id};
use crate::json;
use crate::task::{Change, Status};

/// More than any task takes, whatever of it is escaped; beyond it a request is answered with 413.
pub(super) const MAX_BODY_BYTES: usize = 64 * 1024;

/// `{"user_id":1,"content":"…"}`; other fields are not looked at.
pub(super) fn new_task(body: &[u8], key: Option<Key>) -> Result<NewTask, Problem> {
    let body = object(body)?;
    let required = |field| Violation::new(field, "required");
    let user_id = body.get("user_id").ok_or_else(|| required("user_id"));
    let user_id = user_id.and_then(read_user_id);
    let content = body.get("content").ok_or_else(|| required("content"));
    let content = content.and_then(read_content);
    match (user_id, content) {
        (Ok(user_id), Ok(content)) => {
            NewTask::new(user_id, content, key).map_err(|one| Problem::of_fields(vec![one]))
        }
        (user_id, content) => {
            let violations = [user_id.err(), content.err()];
            Err(Problem::of_fields(
                violations.into_iter().flatten().collect(),
            ))
        }
    }
}

/// `{"status":1}`, `{"content":"…"}` or both; other fields are not looked at.
pub(super) fn change(body: &[u8]) -> Result<Change, Problem> {
    let body = object(body)?;
    let status = body.get("status").map(read_status).transpose();
    let content = body.get("content").map(read_content).transpose();
    match (status, content) {
        // Rather a misspelt field than a change of nothing.
        (Ok(None), Ok(None)) => {
            let one = Violation::new("status", "required where there is no content");
            Err(Problem::of_fields(vec![one]))
        }
        (Ok(status), Ok(content)) => Ok(Change { status, content }),
        (status, content) => {
            let violations = [status.err(), content.err()];
            Err(Problem::of_fields(
                violations.into_iter().flatten().collect(),
            ))
        }
    }
}

fn object(body: &[u8]) -> Result<Map<String, Value>, Problem> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Problem::bad_request("body: expected a JSON object")),
        Err(why) => Err(Problem::bad_request(format!("body: expected JSON: {why}"))),
    }
}

fn read_user_id(value: &Value) -> Result<i64, Violation> {
    // What is no such number is none from 1 up either.
    parse_user_id(value.as_i64().unwrap_or_default())
}

fn read_status(value: &Value) -> Result<Status, Violation> {
    let status = value.as_i64().and_then(json::status);
    status.ok_or_else(|| Violation::new("status", "expected 0 (open) or 1 (completed)"))
}

fn read_content(value: &Value) -> Result<Content, Violation> {
    let text = value.as_str();
    Content::parse(text.ok_or_else(|| Violation::new("content", "expected a string"))?)
}
