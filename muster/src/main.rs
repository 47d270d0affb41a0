//! The whole suite in one process (`muster up`, what a bare `muster` starts), and the
//! command-line client of its services.

mod certs;
mod client;
mod manual;
mod up;

use std::process::ExitCode;

use clap::Command;
use muster_kit::probe;
use muster_kit::process::{BAD_SETTING, say};

/// musl's own allocator more than halves the throughput.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    if let Some(code) = probe::if_called_so() {
        return code;
    }
    let up = up::program();
    let matches = match command(up.command()).try_get_matches() {
        Ok(matches) => matches,
        Err(error) => return refuse(&error),
    };
    match matches.subcommand() {
        Some(("up", matches)) => up::run(&up, matches),
        Some((certs::NAME, matches)) => certs::run(matches),
        Some((manual::NAME, matches)) => manual::run(matches, command(up.command())),
        Some((name, matches)) => client::run(name, matches),
        None => up::run(&up, &up.command().get_matches_from(["up"])),
    }
}

/// The whole command line. Without a subcommand the suite starts, with the settings of the environment.
fn command(up: Command) -> Command {
    let clients = client::COMMANDS.iter().map(|client| (client.command)());
    Command::new("muster")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Building blocks for collaborative applications")
        .after_help("Without a command: muster up")
        .disable_help_subcommand(true)
        .subcommand(up)
        .subcommands(clients)
        .subcommand(certs::command())
        .subcommand(manual::command())
}

/// Help where it was asked for, or where words are missing; otherwise one line that says which
/// word is wrong.
fn refuse(error: &clap::Error) -> ExitCode {
    use clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand as Missing;
    let text = error.render().to_string();
    if !error.use_stderr() {
        say(text.trim_end());
        return ExitCode::SUCCESS;
    }
    let text = match error.kind() {
        Missing => text.trim_end().to_owned(),
        _ => first_paragraph(&text),
    };
    eprintln!("muster: {text}");
    ExitCode::from(BAD_SETTING)
}

/// In one line.
fn first_paragraph(text: &str) -> String {
    let lines = text.lines().map(str::trim);
    let paragraph: Vec<&str> = lines.take_while(|line| !line.is_empty()).collect();
    paragraph.join(" ").trim_start_matches("error: ").to_owned()
}
