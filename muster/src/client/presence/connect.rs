//! `muster presence connect NAME…`.

use clap::{Arg, ArgMatches, Command};
use muster_kit::duration::Seconds;
use muster_proto::muster::presence::v1 as pb;
use pb::session_request::Action;
use pb::session_response::News;
use serde_json::json;

use super::{names, names_arg, session};
use crate::client::{Failure, print, text};

/// The users of one request.
const USERS_MAX: usize = 10_000;

pub(super) fn command() -> Command {
    let option = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    let grace = option("grace", "TIME", "How long they stay afterwards: 10s");
    Command::new("connect")
        .about("Makes users online until it is ended")
        .arg(names_arg())
        .arg(option("device", "NAME", "Which of their devices this is"))
        .arg(option("status", "TEXT", "What they say about themselves"))
        .arg(
            grace
                .default_value("0s")
                .value_parser(clap::value_parser!(Seconds)),
        )
}

pub(super) async fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let names = names(matches);
    let chunks = names.chunks(USERS_MAX);
    let actions = chunks.map(|names| action(matches, names));
    let actions = actions.collect::<Result<_, _>>()?;
    session::keep(matches, actions, |news| match news {
        News::Outcome(outcome) => told(matches, &names, outcome.request_id),
        News::Snapshot(_) | News::Changes(_) => Ok(()),
    })
    .await
}

fn action(matches: &ArgMatches, names: &[String]) -> Result<Action, Failure> {
    let device = pb::Device {
        device: text(matches, "device").to_owned(),
        status: text(matches, "status").to_owned(),
        ..pb::Device::default()
    };
    let grace_ms = grace_ms(matches)?;
    let connection = |user: &String| pb::Connection {
        user: user.clone(),
        device: Some(device.clone()),
        grace_ms,
    };
    let connections = names.iter().map(connection).collect();
    Ok(Action::Connect(pb::Connect { connections }))
}

fn grace_ms(matches: &ArgMatches) -> Result<u32, Failure> {
    let grace = matches.get_one::<Seconds>("grace");
    let grace_ms = grace.map_or(0, |grace| grace.0.as_millis());
    u32::try_from(grace_ms).map_err(|_| Failure::usage("--grace: too long"))
}

/// Tells that the users of a request are connected.
fn told(matches: &ArgMatches, names: &[String], request_id: u64) -> Result<(), Failure> {
    let begin = (request_id as usize).saturating_sub(1) * USERS_MAX;
    for name in names.iter().skip(begin).take(USERS_MAX) {
        let object = json!({ "name": name, "connected": true });
        print(matches, format!("{name} is connected"), &object)?;
    }
    Ok(())
}
