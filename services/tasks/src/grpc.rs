//! `muster.tasks.v1`: proto ⇄ domain.

use muster_proto::muster::tasks::v1 as pb;
use prost_types::Timestamp;
use tonic::{Request, Response};

use crate::board::Board;
use crate::error::Error;
use crate::input::{Content, Key, NewTask, Violation};
use crate::selection::Selection;
use crate::task::{Change, Precondition, Status, Task};

const SECOND_MS: i64 = 1000;
const MILLISECOND_NS: i32 = 1_000_000;

/// `muster.tasks.v1.TasksService` on the tasks.
#[derive(Debug, Clone)]
pub struct Api {
    board: Board,
}

impl Api {
    /// Serves these tasks.
    pub fn new(board: Board) -> Api {
        Api { board }
    }
}

#[tonic::async_trait]
impl pb::tasks_service_server::TasksService for Api {
    async fn create_task(
        &self,
        request: Request<pb::CreateTaskRequest>,
    ) -> Result<Response<pb::CreateTaskResponse>, tonic::Status> {
        let task = new_task(request.get_ref()).map_err(Error::Invalid)?;
        let task = Some(message(self.board.create(task).await?));
        Ok(Response::new(pb::CreateTaskResponse { task }))
    }

    async fn get_task(
        &self,
        request: Request<pb::GetTaskRequest>,
    ) -> Result<Response<pb::GetTaskResponse>, tonic::Status> {
        let id = id(request.get_ref().id).map_err(Error::Invalid)?;
        let task = Some(message(self.board.get(id).await?));
        Ok(Response::new(pb::GetTaskResponse { task }))
    }

    async fn list_tasks(
        &self,
        request: Request<pb::ListTasksRequest>,
    ) -> Result<Response<pb::ListTasksResponse>, tonic::Status> {
        let selection = selection(request.get_ref()).map_err(Error::Invalid)?;
        let page = self.board.list(selection).await?;
        Ok(Response::new(pb::ListTasksResponse {
            tasks: page.tasks.into_iter().map(message).collect(),
            next_page_token: page.next.map(|id| id.to_string()).unwrap_or_default(),
        }))
    }

    async fn update_task(
        &self,
        request: Request<pb::UpdateTaskRequest>,
    ) -> Result<Response<pb::UpdateTaskResponse>, tonic::Status> {
        let request = request.into_inner();
        let id = id(request.id).map_err(Error::Invalid)?;
        let change = change(&request).map_err(Error::Invalid)?;
        let task = self.board.change(id, change, precondition(request.etag));
        let task = Some(message(task.await?));
        Ok(Response::new(pb::UpdateTaskResponse { task }))
    }

    async fn delete_task(
        &self,
        request: Request<pb::DeleteTaskRequest>,
    ) -> Result<Response<pb::DeleteTaskResponse>, tonic::Status> {
        let request = request.into_inner();
        let id = id(request.id).map_err(Error::Invalid)?;
        self.board.delete(id, precondition(request.etag)).await?;
        Ok(Response::new(pb::DeleteTaskResponse {}))
    }
}

fn new_task(request: &pb::CreateTaskRequest) -> Result<NewTask, Violation> {
    let key = match request.idempotency_key.as_str() {
        "" => None,
        key => Some(Key::parse("idempotency_key", key)?),
    };
    NewTask::new(request.user_id, Content::parse(&request.content)?, key)
}

fn selection(request: &pb::ListTasksRequest) -> Result<Selection, Violation> {
    let mut selection = Selection {
        status: status(request.status)?,
        ..Selection::default()
    };
    if request.user_id != 0 {
        selection = selection.of_user(request.user_id)?;
    }
    if request.page_size != 0 {
        selection = selection.limited("page_size", request.page_size.into())?;
    }
    if !request.page_token.is_empty() {
        let bad = |_| Violation::new("page_token", "expected one from an earlier page");
        selection.after = request.page_token.parse().map_err(bad)?;
    }
    Ok(selection)
}

fn change(request: &pb::UpdateTaskRequest) -> Result<Change, Violation> {
    let content = request.content.as_deref().map(Content::parse);
    Ok(Change {
        status: status(request.status)?,
        content: content.transpose()?,
    })
}

fn precondition(etag: String) -> Precondition {
    match etag.is_empty() {
        true => Precondition::None,
        false => Precondition::OneOf(vec![etag]),
    }
}

fn id(id: i64) -> Result<i64, Violation> {
    if id < 1 {
        return Err(Violation::new("id", "expected a number from 1 up"));
    }
    Ok(id)
}

/// The status that a number stands for, if it says one.
fn status(number: i32) -> Result<Option<Status>, Violation> {
    match pb::TaskStatus::try_from(number) {
        Ok(pb::TaskStatus::Unspecified) => Ok(None),
        Ok(pb::TaskStatus::Open) => Ok(Some(Status::Open)),
        Ok(pb::TaskStatus::Completed) => Ok(Some(Status::Completed)),
        Err(_) => Err(Violation::new(
            "status",
            format!("there is no status {number}"),
        )),
    }
}

fn message(task: Task) -> pb::Task {
    let status = match task.status() {
        Status::Open => pb::TaskStatus::Open,
        Status::Completed => pb::TaskStatus::Completed,
    };
    pb::Task {
        id: task.id,
        user_id: task.user_id,
        status: status.into(),
        created_at: Some(timestamp(task.created_at_ms)),
        completed_at: task.completed_at_ms.map(timestamp),
        etag: task.etag(),
        content: task.content,
    }
}

fn timestamp(ms: i64) -> Timestamp {
    Timestamp {
        seconds: ms.div_euclid(SECOND_MS),
        // Less than a second.
        nanos: ms.rem_euclid(SECOND_MS) as i32 * MILLISECOND_NS,
    }
}
