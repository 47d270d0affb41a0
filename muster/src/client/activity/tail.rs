//! `muster activity tail [TOPIC]`.

use clap::{Arg, ArgAction, ArgMatches, Command};
use muster_proto::muster::activity::v1 as pb;
use pb::tail_response::Message;
use tonic::Status;

use super::{Client, client, filter, topic};
use crate::client::{Failure, is_away, patience};

pub(super) fn command() -> Command {
    let switch = |name: &'static str, help: &'static str| {
        let switch = Arg::new(name).long(name).action(ArgAction::SetTrue);
        switch.help(help)
    };
    Command::new("tail")
        .about("Prints events from the first one on, or as they come")
        .arg(topic::arg())
        .arg(switch(
            "follow",
            "Go on with each new event, also when the service was away",
        ))
        .arg(switch("new", "Only what comes from now on"))
}

/// Prints what a stream tells; where the stream breaks off, another one goes on at the last
/// cursor.
pub(super) async fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let mut request = pb::TailRequest {
        filter: filter(matches),
        cursor: String::new(),
        from_end: matches.get_flag("new"),
        follow: matches.get_flag("follow"),
        ..pb::TailRequest::default()
    };
    let mut client = client(matches)?;
    let mut backoff = patience();
    loop {
        let seen = request.cursor.clone();
        match read(&mut client, &mut request, matches).await {
            Err(Failure::Call(status)) if goes_on(&request, &status) => {
                if request.cursor != seen {
                    backoff.reset();
                    eprintln!("muster activity: {}: waiting for it", status.message());
                }
            }
            ended => return ended,
        }
        tokio::time::sleep(backoff.delay()).await;
    }
}

/// Only who has a cursor misses nothing; a first call that fails is a failure.
fn goes_on(request: &pb::TailRequest, status: &Status) -> bool {
    request.follow && !request.cursor.is_empty() && is_away(status)
}

/// Why there is a gap in what is printed.
fn why(reset: &pb::Reset) -> &'static str {
    match reset.reason() {
        pb::ResetReason::Trimmed => "some events were removed before they could be printed",
        _ => "this is another store: from its beginning",
    }
}

/// Prints one stream to its end, and notes each cursor in the request.
async fn read(
    client: &mut Client,
    request: &mut pb::TailRequest,
    matches: &ArgMatches,
) -> Result<(), Failure> {
    let mut stream = client.tail(request.clone()).await?.into_inner();
    while let Some(told) = stream.message().await? {
        let cursor = match told.message {
            Some(Message::Batch(batch)) => {
                for event in batch.events {
                    topic::show(matches, event)?;
                }
                batch.cursor
            }
            Some(Message::Live(live)) => live.cursor,
            Some(Message::Reset(reset)) => {
                eprintln!("muster activity: {}", why(&reset));
                reset.cursor
            }
            None => continue,
        };
        request.cursor = cursor;
        request.from_end = false;
    }
    Ok(())
}
