//! `muster presence connect NAME… | monitor NAME…`.

use clap::{Arg, ArgMatches, Command};
use futures_util::future::try_join_all;
use muster_proto::compat::presence as pb;
use pb::presence_client::PresenceClient;
use serde_json::json;

use super::{Failure, base, channel, print};

pub(crate) fn command() -> Command {
    let names = Arg::new("name")
        .required(true)
        .num_args(1..)
        .value_name("NAME");
    let connect = Command::new("connect").about("Makes users online until it is ended");
    let monitor = Command::new("monitor").about("Tells when users come and go");
    base(
        "presence",
        "Who is here",
        muster_presence::SERVICE.suite_port,
    )
    .subcommand_required(true)
    .subcommand(connect.arg(names.clone()))
    .subcommand(monitor.arg(names))
}

pub(crate) async fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let Some((verb, matches)) = matches.subcommand() else {
        return Ok(());
    };
    let client = PresenceClient::new(channel(matches));
    let names = matches.get_many::<String>("name").unwrap_or_default();
    let calls = names.map(|name| async {
        match verb {
            "connect" => connect(client.clone(), name, matches).await,
            _ => monitor(client.clone(), name, matches).await,
        }
    });
    try_join_all(calls).await?;
    Ok(())
}

type Client = PresenceClient<muster_kit::channel::Channel>;

async fn connect(mut client: Client, name: &str, matches: &ArgMatches) -> Result<(), Failure> {
    let user = pb::User {
        name: name.to_owned(),
    };
    let mut stream = client.connect(user).await?.into_inner();
    print(
        matches,
        format!("{name} is connected"),
        &json!({ "name": name, "connected": true }),
    )?;
    while stream.message().await?.is_some() {}
    Ok(())
}

async fn monitor(mut client: Client, name: &str, matches: &ArgMatches) -> Result<(), Failure> {
    let user = pb::User {
        name: name.to_owned(),
    };
    let mut stream = client.monitor(user).await?.into_inner();
    while let Some(status) = stream.message().await? {
        let word = if status.online { "online" } else { "offline" };
        let object = json!({ "name": name, "online": status.online });
        print(matches, format!("{name} is {word}"), &object)?;
    }
    Ok(())
}
