//! The REST API: JSON ⇄ domain. `/openapi.json` describes it (`http/openapi.json`), and
//! `tests/service/openapi.rs` holds that against what is served.
//!
//! - Bodies are JSON whatever the Content-Type: `curl -d` sends that of a form.
//! - A body that is no JSON object, and a bad header or query: 400. A bad field: 422.
//! - Whatever is refused is answered with `application/problem+json` (RFC 9457), which names the
//!   fields in `errors`.

mod body;
mod condition;
mod problem;
mod query;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use muster_kit::server::HttpRoutes;

use self::body::MAX_BODY_BYTES;
use self::problem::Problem;
use crate::board::Board;
use crate::error::Error;
use crate::json::TaskJson;
use crate::task::{Refusal, Task};

/// The description of the API.
const OPENAPI: &str = include_str!("http/openapi.json");

/// The HTTP side of these tasks.
pub fn routes(board: Board) -> HttpRoutes {
    let all = get(list).post(create);
    let one = get(read).patch(change).delete(delete);
    let described = get(openapi);
    HttpRoutes::new()
        .route(
            "/tasks",
            all.fallback(async || not_allowed("GET, HEAD, POST")),
        )
        .route(
            "/tasks/{id}",
            one.fallback(async || not_allowed("GET, HEAD, PATCH, DELETE")),
        )
        .route(
            "/openapi.json",
            described.fallback(async || not_allowed("GET, HEAD")),
        )
        .body_limit(MAX_BODY_BYTES)
        .with_state(board)
}

/// A repetition is answered as the first request was.
async fn create(
    State(board): State<Board>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let key = condition::idempotency_key(&headers)?;
    let task = board.create(body::new_task(&body?, key)?).await?;
    let location = [(header::LOCATION, format!("/tasks/{}", task.id))];
    Ok((StatusCode::CREATED, location, shown(task)).into_response())
}

async fn list(State(board): State<Board>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let selection = query::selection(query.as_deref().unwrap_or_default())?;
    let page = board.list(selection).await?;
    let tasks: Vec<TaskJson> = page.tasks.into_iter().map(TaskJson::from).collect();
    Ok(match page.next {
        Some(next) => {
            let link = [(header::LINK, query::link(&selection, next))];
            (link, Json(tasks)).into_response()
        }
        None => Json(tasks).into_response(),
    })
}

async fn read(
    State(board): State<Board>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let task = board.get(task_id(&id)?).await?;
    if condition::is_known(&headers, &task)? {
        return Ok((StatusCode::NOT_MODIFIED, condition::etag(&task)).into_response());
    }
    Ok(shown(task))
}

async fn change(
    State(board): State<Board>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let id = task_id(&id)?;
    let precondition = condition::if_match(&headers)?;
    let change = body::change(&body?)?;
    let task = board.change(id, change, precondition).await?;
    Ok(shown(task))
}

async fn delete(
    State(board): State<Board>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let precondition = condition::if_match(&headers)?;
    board.delete(task_id(&id)?, precondition).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI)
}

fn shown(task: Task) -> Response {
    (condition::etag(&task), Json(TaskJson::from(task))).into_response()
}

/// The id that a path names: decimal, as ids are written.
fn task_id(text: &str) -> Result<i64, Problem> {
    let id = text.parse().ok().filter(|id: &i64| id.to_string() == text);
    id.ok_or_else(|| Error::Refused(Refusal::NoSuchTask).into())
}

fn not_allowed(methods: &'static str) -> Response {
    let why = format!("served here: {methods}");
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, why);
    ([(header::ALLOW, methods)], problem).into_response()
}
