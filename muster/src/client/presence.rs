//! `muster presence connect NAME… | monitor NAME… | list | replicas`.

use clap::{Arg, ArgMatches, Command};
use muster_kit::channel::Channel;
use muster_proto::muster::presence::v1 as pb;
use pb::presence_service_client::PresenceServiceClient;

use super::{Failure, base, channel};

mod connect;
mod list;
mod monitor;
mod replicas;
mod session;
mod user;

pub(crate) fn command() -> Command {
    base(
        "presence",
        "Who is here",
        muster_presence::SERVICE.suite_port,
    )
    .subcommand_required(true)
    .subcommand(connect::command())
    .subcommand(monitor::command())
    .subcommand(Command::new("list").about("Lists all users who are online"))
    .subcommand(Command::new("replicas").about("Lists the replicas, as one of them sees them"))
}

pub(crate) async fn run(matches: &ArgMatches) -> Result<(), Failure> {
    match matches.subcommand() {
        Some(("connect", matches)) => connect::run(matches).await,
        Some(("monitor", matches)) => monitor::run(matches).await,
        Some(("list", matches)) => list::run(matches).await,
        Some((_, matches)) => replicas::run(matches).await,
        None => Ok(()),
    }
}

type Client = PresenceServiceClient<Channel>;

fn client(matches: &ArgMatches) -> Result<Client, Failure> {
    Ok(PresenceServiceClient::new(channel(matches)?))
}

/// The users whom a command is about.
fn names_arg() -> Arg {
    Arg::new("name")
        .required(true)
        .num_args(1..)
        .value_name("NAME")
}

fn names(matches: &ArgMatches) -> Vec<String> {
    let names = matches.get_many::<String>("name").unwrap_or_default();
    names.cloned().collect()
}
