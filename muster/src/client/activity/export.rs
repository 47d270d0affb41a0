//! `muster activity export [TOPIC]`.

use std::io::{BufWriter, IsTerminal, Write};
use std::path::Path;

use clap::{Arg, ArgMatches, Command};
use muster_kit::partial::Partial;
use muster_proto::muster::activity::v1 as pb;
use pb::tail_response::Message;

use super::bar::Bar;
use super::{Client, client, filter, topic};
use crate::client::{Failure, counted, print_for_people, text, timed};

pub(super) fn command() -> Command {
    let file = Arg::new("file").long("file").value_name("FILE").help(
        "Writes there, which is not there yet, and has its name once it is whole [default: standard output]",
    );
    Command::new("export")
        .about("Writes all events as JSON, one a line, for import")
        .arg(topic::arg())
        .arg(file)
}

pub(super) async fn run(matches: &ArgMatches) -> Result<(), Failure> {
    match text(matches, "file") {
        "" => to_stdout(matches).await.map(drop),
        file => to_file(matches, file).await,
    }
}

async fn to_stdout(matches: &ArgMatches) -> Result<usize, Failure> {
    let out = std::io::stdout();
    // The lines themselves are to be seen then.
    let bar = match out.is_terminal() {
        true => Bar::hidden(),
        false => Bar::new(matches, None),
    };
    write(matches, BufWriter::new(out.lock()), &bar).await
}

async fn to_file(matches: &ArgMatches, file: &str) -> Result<(), Failure> {
    let partial = Partial::begin(Path::new(file)).map_err(Failure::failed)?;
    let bar = Bar::new(matches, None);
    let events = write(matches, BufWriter::new(partial.file()), &bar).await?;
    partial.finish().map_err(Failure::failed)?;
    drop(bar);
    let events = counted(events, "event");
    print_for_people(matches, format!("{events} exported to {file}"))
}

/// Writes all events that are there now; so many they are.
async fn write(matches: &ArgMatches, mut out: impl Write, bar: &Bar) -> Result<usize, Failure> {
    let mut client = client(matches)?;
    let filter = filter(matches);
    if filter.is_none() && !bar.is_hidden() {
        bar.set_total(Some(all(&mut client).await?));
    }
    let request = pb::TailRequest {
        filter,
        ..pb::TailRequest::default()
    };
    let mut stream = client.tail(request).await?.into_inner();
    let mut written = 0;
    while let Some(told) = stream.message().await? {
        let Some(Message::Batch(batch)) = told.message else {
            continue;
        };
        written += batch.events.len();
        for event in batch.events {
            writeln!(out, "{}", topic::object(event))?;
        }
        bar.at(written as u64);
        if !bar.is_hidden() {
            bar.say(counted(written, "event"));
        }
    }
    out.flush()?;
    Ok(written)
}

/// How many events there are.
async fn all(client: &mut Client) -> Result<u64, Failure> {
    let stats = client.get_stats(timed(pb::GetStatsRequest {})).await?;
    Ok(stats.into_inner().events.unsigned_abs())
}
