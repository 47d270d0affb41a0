//! `muster users create EMAIL | get ID`.

use clap::{Arg, ArgMatches, Command, value_parser};
use muster_proto::muster::users::v1 as pb;
use pb::users_service_client::UsersServiceClient;
use serde_json::json;

use super::calendar::time;
use super::{Failure, base, channel, print, text, timed};

pub(crate) fn command() -> Command {
    let id = Arg::new("id")
        .required(true)
        .value_name("ID")
        .value_parser(value_parser!(i64));
    base("users", "Accounts", muster_users::SERVICE.suite_port)
        .subcommand_required(true)
        .subcommand(
            Command::new("create")
                .about("Creates a user, or finds the one with this address")
                .arg(Arg::new("email").required(true).value_name("EMAIL")),
        )
        .subcommand(Command::new("get").about("Shows a user").arg(id))
}

pub(crate) async fn run(matches: &ArgMatches) -> Result<(), Failure> {
    match matches.subcommand() {
        Some(("create", matches)) => {
            let request = pb::CreateUserRequest {
                email: text(matches, "email").to_owned(),
            };
            let answer = client(matches)?.create_user(timed(request)).await?;
            show(matches, answer.into_inner().user)
        }
        Some((_, matches)) => {
            let id = matches.get_one::<i64>("id").copied().unwrap_or_default();
            let answer = client(matches)?
                .get_user(timed(pb::GetUserRequest { id }))
                .await?;
            show(matches, answer.into_inner().user)
        }
        None => Ok(()),
    }
}

fn client(
    matches: &ArgMatches,
) -> Result<UsersServiceClient<muster_kit::channel::Channel>, Failure> {
    Ok(UsersServiceClient::new(channel(matches)?))
}

fn show(matches: &ArgMatches, user: Option<pb::User>) -> Result<(), Failure> {
    let user = user.unwrap_or_default();
    let created_at = time(user.created_at.as_ref());
    let object = json!({ "id": user.id, "email": user.email, "created_at": created_at });
    print(
        matches,
        format!("user {}: {}", user.id, user.email),
        &object,
    )
}
