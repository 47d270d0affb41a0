//! `muster activity import FILE|-`, and `add` with a file: stores each line as an event.

use clap::{Arg, ArgMatches, Command};
use muster_kit::status;
use muster_proto::muster::activity::v1 as pb;
use serde_json::json;
use tokio::sync::mpsc::UnboundedReceiver;
use tonic::Status;

use super::bar::Bar;
use super::client;
use super::lines::{BadLine, Source};
use super::requests::{self, Out, Sent};
use super::tally::Tally;
use crate::client::{Failure, complain, print, text};

pub(super) fn command() -> Command {
    let file = Arg::new("file")
        .required(true)
        .value_name("FILE")
        .help("What export wrote, or events as add takes them, one a line; -: standard input");
    Command::new("import")
        .about("Stores the events of a file; what is there already stays as it is")
        .arg_required_else_help(true)
        .arg(file)
}

pub(super) async fn run(matches: &ArgMatches) -> Result<(), Failure> {
    store(matches, text(matches, "file")).await
}

/// Stores the events of a file.
pub(super) async fn store(matches: &ArgMatches, file: &str) -> Result<(), Failure> {
    let source = Source::open(file)?;
    let name = source.name.clone();
    let bar = Bar::new(matches, source.size_bytes);
    let mut tally = Tally::default();
    let sent = send(matches, source, &mut tally, &bar).await;
    drop(bar);
    tally.print(matches)?;
    match sent {
        Ok(None) => tally.success(),
        Ok(Some(BadLine { number, why })) => Err(Failure::usage(format!(
            "{name}, line {number}: {why}; nothing is stored from there on"
        ))),
        Err(Failure::Call(status)) => {
            let why = format!("{}; {}", status.message(), tally.how_far());
            Err(Status::new(status.code(), why).into())
        }
        Err(failure) => Err(failure),
    }
}

/// Sends all lines up to the first bad one, which is returned, and counts the answers.
async fn send(
    matches: &ArgMatches,
    source: Source,
    tally: &mut Tally,
    bar: &Bar,
) -> Result<Option<BadLine>, Failure> {
    let (requests, mut sent) = requests::of(source.read());
    let answers = client(matches)?.append_stream(requests).await?;
    let mut answers = answers.into_inner();
    while let Some(answer) = answers.message().await? {
        match sent.recv().await {
            Some(Out::Request(events)) if events.len() == answer.results.len() => {
                count(matches, events, answer.results, tally, bar)?;
            }
            _ => return Err(Status::internal("the answers are not those to the requests").into()),
        }
    }
    bad_line(&mut sent)
}

/// All has been answered.
fn bad_line(sent: &mut UnboundedReceiver<Out>) -> Result<Option<BadLine>, Failure> {
    match sent.try_recv() {
        Err(_) => Ok(None),
        Ok(Out::Bad(bad)) => Ok(Some(bad)),
        Ok(Out::Request(_)) => Err(status::unavailable("the answers ended too soon").into()),
    }
}

fn count(
    matches: &ArgMatches,
    events: Vec<Sent>,
    results: Vec<pb::AppendResult>,
    tally: &mut Tally,
    bar: &Bar,
) -> Result<(), Failure> {
    for (event, result) in events.into_iter().zip(results) {
        if result.outcome() == pb::AppendOutcome::Conflict {
            bar.aside(|| tell_conflict(matches, &event, result.position))?;
        }
        tally.add(event.number, event.has_id, result.outcome());
        bar.at(event.end_bytes);
    }
    if !bar.is_hidden() {
        bar.say(tally.to_string());
    }
    Ok(())
}

/// Among the objects with `--json`, on standard error for people.
fn tell_conflict(matches: &ArgMatches, event: &Sent, position: i64) -> Result<(), Failure> {
    let (line, topic, id) = (event.number, &event.topic, &event.id);
    if !matches.get_flag("json") {
        let why = format!("line {line}: event {id} of {topic} is there with another content");
        complain("activity", why);
        return Ok(());
    }
    let object = json!({ "line": line, "topic": topic, "id": id, "outcome": "conflict", "position": position });
    print(matches, "", &object)
}
