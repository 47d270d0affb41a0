//! A service that answers as it is asked to: for answers that the real ones do not give at will.

use muster_kit::listen::Listener;
use muster_kit::process::Context;
use muster_kit::server::Server;
use muster_kit::status;
use muster_proto::muster::tasks::v1 as pb;
use pb::tasks_service_server::{TasksService, TasksServiceServer};
use tonic::{Code, Request, Response, Status};

use crate::edge::Edge;

pub(crate) const GET: &str = "muster.tasks.v1.TasksService/GetTask";
pub(crate) const LIST: &str = "muster.tasks.v1.TasksService/ListTasks";
pub(crate) const CREATE: &str = "muster.tasks.v1.TasksService/CreateTask";
pub(crate) const UPDATE: &str = "muster.tasks.v1.TasksService/UpdateTask";

/// A gateway before such a service, which calls itself `tasks`.
pub(crate) async fn edge() -> Edge {
    let listener = Listener::on_free_port().await.unwrap();
    let peers = format!("tasks={}", listener.local_addr());
    let server = Server::new(&Context::for_test("tasks")).grpc(TasksServiceServer::new(Peer));
    tokio::spawn(server.serve(listener));
    Edge::at(&peers, &[]).await
}

struct Peer;

#[tonic::async_trait]
impl TasksService for Peer {
    /// Fails with the code of this number.
    async fn get_task(
        &self,
        request: Request<pb::GetTaskRequest>,
    ) -> Result<Response<pb::GetTaskResponse>, Status> {
        let code = Code::from_i32(request.get_ref().id as i32);
        Err(Status::new(code, "it is so: 100 % – really"))
    }

    /// Never answers.
    async fn list_tasks(
        &self,
        _: Request<pb::ListTasksRequest>,
    ) -> Result<Response<pb::ListTasksResponse>, Status> {
        std::future::pending().await
    }

    /// Tells what it was sent beside the message.
    async fn create_task(
        &self,
        request: Request<pb::CreateTaskRequest>,
    ) -> Result<Response<pb::CreateTaskResponse>, Status> {
        let sent = |name: &str| {
            let value = request
                .metadata()
                .get(name)
                .and_then(|value| value.to_str().ok());
            value.unwrap_or("none").to_owned()
        };
        let told = format!("{} {}", sent("x-request-id"), sent("grpc-timeout"));
        Err(status::invalid("sent", told))
    }

    /// Answers as much as is asked for.
    async fn update_task(
        &self,
        request: Request<pb::UpdateTaskRequest>,
    ) -> Result<Response<pb::UpdateTaskResponse>, Status> {
        let content = "x".repeat(request.get_ref().id as usize);
        let task = pb::Task {
            content,
            ..Default::default()
        };
        Ok(Response::new(pb::UpdateTaskResponse { task: Some(task) }))
    }

    async fn delete_task(
        &self,
        _: Request<pb::DeleteTaskRequest>,
    ) -> Result<Response<pb::DeleteTaskResponse>, Status> {
        Ok(Response::new(pb::DeleteTaskResponse {}))
    }
}
