//! `muster tasks add USER CONTENT | list | done ID | reopen ID | rm ID`.

use clap::{Arg, ArgMatches, Command, value_parser};
use muster_proto::muster::tasks::v1 as pb;
use pb::tasks_service_client::TasksServiceClient;
use pb::{Task, TaskStatus};
use serde_json::{Value, json};

use super::calendar::time;
use super::{Failure, base, channel, counted, print, print_for_people, text, timed};

/// The tasks of a page.
const PAGE_SIZE: i32 = 1000;

pub(crate) fn command() -> Command {
    base("tasks", "Tasks of users", muster_tasks::SERVICE.suite_port)
        .subcommand_required(true)
        .subcommand(add_command())
        .subcommand(list_command())
        .subcommand(of_id("done", "Completes a task"))
        .subcommand(of_id("reopen", "Opens a completed task again"))
        .subcommand(of_id("rm", "Deletes a task"))
}

fn add_command() -> Command {
    let key = Arg::new("key")
        .long("key")
        .value_name("KEY")
        .help("Idempotency key: the same again within a day is the same task [default: random]");
    Command::new("add")
        .about("Creates a task")
        .arg(number(Arg::new("user").required(true).value_name("USER")))
        .arg(Arg::new("content").required(true).value_name("CONTENT"))
        .arg(key)
}

fn list_command() -> Command {
    let user = Arg::new("user").long("user").value_name("USER");
    let status = Arg::new("status")
        .long("status")
        .value_name("STATUS")
        .value_parser(["open", "completed"]);
    Command::new("list")
        .about("Lists tasks")
        .arg(number(user).help("Of this user alone"))
        .arg(status.help("That have come so far"))
}

fn of_id(name: &'static str, about: &'static str) -> Command {
    let id = Arg::new("id").required(true).value_name("ID");
    Command::new(name).about(about).arg(number(id))
}

/// From 1 up, as all ids are.
fn number(arg: Arg) -> Arg {
    arg.value_parser(value_parser!(i64).range(1..))
}

pub(crate) async fn run(matches: &ArgMatches) -> Result<(), Failure> {
    match matches.subcommand() {
        Some(("add", matches)) => add(matches).await,
        Some(("list", matches)) => list(matches).await,
        Some(("done", matches)) => set(matches, TaskStatus::Completed).await,
        Some(("reopen", matches)) => set(matches, TaskStatus::Open).await,
        Some((_, matches)) => remove(matches).await,
        None => Ok(()),
    }
}

async fn add(matches: &ArgMatches) -> Result<(), Failure> {
    let idempotency_key = match text(matches, "key") {
        "" => uuid::Uuid::new_v4().to_string(),
        key => key.to_owned(),
    };
    let request = pb::CreateTaskRequest {
        user_id: given(matches, "user"),
        content: text(matches, "content").to_owned(),
        idempotency_key,
    };
    let answer = client(matches)?.create_task(timed(request)).await?;
    show(matches, answer.into_inner().task)
}

async fn list(matches: &ArgMatches) -> Result<(), Failure> {
    let status = match text(matches, "status") {
        "open" => TaskStatus::Open,
        "completed" => TaskStatus::Completed,
        _ => TaskStatus::Unspecified,
    };
    let mut client = client(matches)?;
    let mut request = pb::ListTasksRequest {
        user_id: given(matches, "user"),
        status: status.into(),
        page_size: PAGE_SIZE,
        page_token: String::new(),
    };
    let mut tasks = 0;
    loop {
        let page = client.list_tasks(timed(request.clone())).await?;
        let page = page.into_inner();
        tasks += page.tasks.len();
        for task in page.tasks {
            show(matches, Some(task))?;
        }
        if page.next_page_token.is_empty() {
            return print_for_people(matches, counted(tasks, "task"));
        }
        request.page_token = page.next_page_token;
    }
}

async fn set(matches: &ArgMatches, status: TaskStatus) -> Result<(), Failure> {
    let request = pb::UpdateTaskRequest {
        id: given(matches, "id"),
        status: status.into(),
        ..pb::UpdateTaskRequest::default()
    };
    let answer = client(matches)?.update_task(timed(request)).await?;
    show(matches, answer.into_inner().task)
}

async fn remove(matches: &ArgMatches) -> Result<(), Failure> {
    let request = pb::DeleteTaskRequest {
        id: given(matches, "id"),
        etag: String::new(),
    };
    let id = request.id;
    client(matches)?.delete_task(timed(request)).await?;
    print(
        matches,
        format!("task {id} is deleted"),
        &json!({ "id": id }),
    )
}

fn client(
    matches: &ArgMatches,
) -> Result<TasksServiceClient<muster_kit::channel::Channel>, Failure> {
    Ok(TasksServiceClient::new(channel(matches)?))
}

/// A number from 1 up that was given, otherwise 0.
fn given(matches: &ArgMatches, name: &str) -> i64 {
    matches.get_one(name).copied().unwrap_or_default()
}

fn show(matches: &ArgMatches, task: Option<Task>) -> Result<(), Failure> {
    let task = task.unwrap_or_default();
    let status = word(&task);
    // What a user wrote may have several lines.
    let content = task.content.escape_debug();
    let line = format!(
        "task {} of user {}, {status}: {content}",
        task.id, task.user_id
    );
    print(matches, line, &object(&task))
}

fn object(task: &Task) -> Value {
    json!({
        "id": task.id,
        "user_id": task.user_id,
        "status": word(task),
        "content": task.content,
        "created_at": time(task.created_at.as_ref()),
        "completed_at": task.completed_at.as_ref().map(|at| time(Some(at))),
        "etag": task.etag,
    })
}

fn word(task: &Task) -> &'static str {
    match task.status() {
        TaskStatus::Completed => "completed",
        TaskStatus::Open | TaskStatus::Unspecified => "open",
    }
}
