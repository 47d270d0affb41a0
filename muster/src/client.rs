//! The command-line client: one module for each service.

mod activity;
mod calendar;
mod conflicts;
mod health;
mod notify;
mod presence;
mod tasks;
mod tls;
mod users;

use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::pin::Pin;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command};
use muster_kit::backoff::Backoff;
use muster_kit::channel::Channel;
use muster_kit::process::{BAD_SETTING, block_on};
use muster_kit::status::code_name;
use serde_json::Value;
use tonic::{Code, Request, Status};

/// How long a call may take.
const DEADLINE: Duration = Duration::from_secs(30);
/// How long to wait for a service that went away, at first and at most.
const FIRST_DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(5);

type Work<'a> = Pin<Box<dyn Future<Output = Result<(), Failure>> + 'a>>;

/// A client command.
pub(crate) struct Client {
    name: &'static str,
    pub(crate) command: fn() -> Command,
    run: for<'a> fn(&'a ArgMatches) -> Work<'a>,
}

/// All of them.
pub(crate) const COMMANDS: &[Client] = &[
    Client {
        name: "presence",
        command: presence::command,
        run: |m| Box::pin(presence::run(m)),
    },
    Client {
        name: "activity",
        command: activity::command,
        run: |m| Box::pin(activity::run(m)),
    },
    Client {
        name: "notify",
        command: notify::command,
        run: |m| Box::pin(notify::run(m)),
    },
    Client {
        name: "users",
        command: users::command,
        run: |m| Box::pin(users::run(m)),
    },
    Client {
        name: "conflicts",
        command: conflicts::command,
        run: |m| Box::pin(conflicts::run(m)),
    },
    Client {
        name: "tasks",
        command: tasks::command,
        run: |m| Box::pin(tasks::run(m)),
    },
    Client {
        name: "health",
        command: health::command,
        run: |m| Box::pin(health::run(m)),
    },
];

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The words make no sense.
    #[error("{0}")]
    Usage(String),
    /// The service refused, or is not there.
    #[error("{}: {}", code_name(.0.code()), .0.message())]
    Call(#[from] Status),
    /// A probe's own exit code and words.
    #[error("{1}")]
    Probe(u8, String),
    /// What was asked for cannot be done here, or has not gone well.
    #[error("{0}")]
    Failed(String),
    /// Nothing more can be printed.
    #[error("cannot write: {0}")]
    Output(#[from] std::io::Error),
}

impl Failure {
    pub(crate) fn usage(why: impl Display) -> Self {
        Self::Usage(why.to_string())
    }

    pub(crate) fn failed(why: impl Display) -> Self {
        Self::Failed(why.to_string())
    }

    /// Nobody reads the output any more.
    fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == ErrorKind::BrokenPipe)
    }

    fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => BAD_SETTING,
            Self::Probe(code, _) => *code,
            Self::Call(_) | Self::Failed(_) | Self::Output(_) => 1,
        }
    }
}

/// Runs the command of that name.
pub(crate) fn run(name: &str, matches: &ArgMatches) -> ExitCode {
    let Some(client) = COMMANDS.iter().find(|client| client.name == name) else {
        return ExitCode::FAILURE;
    };
    match block_on((client.run)(matches)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Whoever read the output has seen enough (`| head`): that is no news to anybody.
            if !failure.is_closed_pipe() {
                complain(name, &failure);
            }
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Tells on standard error what a user should know; nobody may be listening there either.
pub(crate) fn complain(name: &str, what: impl Display) {
    let _nobody_listens = writeln!(std::io::stderr(), "muster {name}: {what}");
}

/// The options that all client commands have.
pub(crate) fn base(name: &'static str, about: &'static str, port: u16) -> Command {
    let addr = Arg::new("addr")
        .long("addr")
        .global(true)
        .value_name("HOST:PORT")
        .default_value(format!("localhost:{port}"))
        .help("Where the service listens; https://HOST:PORT: it speaks TLS");
    Command::new(name)
        .about(about)
        .arg_required_else_help(true)
        .arg(addr)
        .args(tls::args())
        .arg(json())
}

/// `--json`.
pub(crate) fn json() -> Arg {
    Arg::new("json")
        .long("json")
        .global(true)
        .action(ArgAction::SetTrue)
        .help("Print JSON, one object a line")
}

/// A channel to the service that the command is for. Must be called within a runtime.
pub(crate) fn channel(matches: &ArgMatches) -> Result<Channel, Failure> {
    let (dial, addr) = tls::dial(matches, text(matches, "addr"))?;
    Ok(dial.one(addr))
}

/// A request with a deadline.
pub(crate) fn timed<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(DEADLINE);
    request
}

/// Whether a stream ended with this because its service went away: it may come back.
pub(crate) fn is_away(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unavailable | Code::Unknown | Code::Internal | Code::Cancelled
    )
}

/// How long to wait for a service that went away.
pub(crate) fn patience() -> Backoff {
    Backoff::new(FIRST_DELAY, LONGEST_DELAY)
}

/// The value of an option or word; empty where it was left out.
pub(crate) fn text<'a>(matches: &'a ArgMatches, name: &str) -> &'a str {
    matches
        .get_one::<String>(name)
        .map(String::as_str)
        .unwrap_or_default()
}

/// `1 event`, `2 events`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// Prints a line for people, or the object with `--json`.
pub(crate) fn print(
    matches: &ArgMatches,
    line: impl Display,
    object: &Value,
) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match matches.get_flag("json") {
        true => writeln!(out, "{object}")?,
        false => writeln!(out, "{line}")?,
    }
    Ok(())
}

/// Prints a line that is for people alone: nothing with `--json`.
pub(crate) fn print_for_people(matches: &ArgMatches, line: impl Display) -> Result<(), Failure> {
    if !matches.get_flag("json") {
        writeln!(std::io::stdout().lock(), "{line}")?;
    }
    Ok(())
}
