//! `muster notify send | status ID`.

use clap::{Arg, ArgMatches, Command};
use muster_proto::muster::notificator::v1 as pb;
use pb::notificator_service_client::NotificatorServiceClient;
use serde_json::json;

use super::calendar::time;
use super::{Failure, base, channel, print, text, timed};

pub(crate) fn command() -> Command {
    let word =
        |name: &'static str, value: &'static str| Arg::new(name).long(name).value_name(value);
    let send = Command::new("send")
        .about("Sends a mail; it is stored when the command ends, and delivered then")
        .arg(word("to", "ADDRESS").required(true))
        .arg(word("content", "TEXT").required(true))
        .arg(word("subject", "TEXT"))
        .arg(
            word("key", "KEY")
                .help("Idempotency key: the same again is the same mail [default: random]"),
        );
    let status = Command::new("status")
        .about("Tells how the delivery of a mail stands")
        .arg(Arg::new("id").required(true).value_name("ID"));
    base(
        "notify",
        "Mail that is never lost",
        muster_notificator::SERVICE.suite_port,
    )
    .subcommand_required(true)
    .subcommand(send)
    .subcommand(status)
}

pub(crate) async fn run(matches: &ArgMatches) -> Result<(), Failure> {
    match matches.subcommand() {
        Some(("send", matches)) => send(matches).await,
        Some((_, matches)) => status(matches).await,
        None => Ok(()),
    }
}

async fn send(matches: &ArgMatches) -> Result<(), Failure> {
    let key = match text(matches, "key") {
        "" => uuid::Uuid::new_v4().to_string(),
        key => key.to_owned(),
    };
    let request = pb::SendRequest {
        to: text(matches, "to").to_owned(),
        content: text(matches, "content").to_owned(),
        subject: text(matches, "subject").to_owned(),
        idempotency_key: key,
    };
    let mut client = NotificatorServiceClient::new(channel(matches)?);
    let id = client.send(timed(request)).await?.into_inner().id;
    print(matches, format!("stored as {id}"), &json!({ "id": id }))
}

async fn status(matches: &ArgMatches) -> Result<(), Failure> {
    let request = pb::GetMailRequest {
        id: text(matches, "id").to_owned(),
    };
    let mut client = NotificatorServiceClient::new(channel(matches)?);
    let mail = client
        .get_mail(timed(request))
        .await?
        .into_inner()
        .mail
        .unwrap_or_default();
    let state = mail
        .state()
        .as_str_name()
        .trim_start_matches("MAIL_STATE_")
        .to_lowercase();
    let attempts = super::counted(mail.attempts as usize, "attempt");
    let mut line = format!("{} to {}: {state} after {attempts}", mail.id, mail.to);
    if !mail.last_error.is_empty() {
        line.push_str(&format!(", the last one failed: {}", mail.last_error));
    }
    let object = json!({
        "id": mail.id,
        "to": mail.to,
        "state": state,
        "attempts": mail.attempts,
        "last_error": mail.last_error,
        "created_at": time(mail.created_at.as_ref()),
        "next_attempt_at": mail.next_attempt_at.as_ref().map(|at| time(Some(at))),
    });
    print(matches, line, &object)
}
