//! `muster activity backup FILE | verify`: both read the store's own file, whether a service
//! serves it or not.

use std::path::Path;

use clap::{Arg, ArgMatches, Command};
use muster_activity::config::Config;
use muster_activity::store::{self, Progress};
use muster_kit::config::{environment, without_password};
use muster_kit::store::SqliteUrl;
use serde_json::json;

use super::bar::Bar;
use crate::client::{Failure, counted, print, print_for_people, text};
use crate::up;

pub(super) fn backup_command() -> Command {
    let file = Arg::new("file")
        .required(true)
        .value_name("FILE")
        .help("Where the copy goes; not there yet");
    of_file("backup")
        .about("Copies the store to a file, also while it is served")
        .after_help("The copy has all events that were acknowledged before. Serve it with --store sqlite:FILE: it becomes a store of its own, where cursors of this one do not hold.")
        .arg_required_else_help(true)
        .arg(file)
}

pub(super) fn verify_command() -> Command {
    of_file("verify")
        .about("Reads all of a store or backup, and tells what is wrong with it")
        .after_help("Prints a line for each finding; the exit code is 1 where there is any.")
}

fn of_file(name: &'static str) -> Command {
    let store = Arg::new("store").long("store").value_name("URL").help(
        "The store: sqlite:PATH [default: that of muster up, by MUSTER_ACTIVITY_STORE or MUSTER_DATA, or sqlite:./muster-data/activity.db]",
    );
    // No service is asked, wherever it listens.
    let addr = Arg::new("addr").long("addr").hide(true);
    Command::new(name).arg(store).arg(addr)
}

fn store_url(matches: &ArgMatches) -> Result<SqliteUrl, Failure> {
    match text(matches, "store") {
        "" => of_suite(),
        given => given
            .parse()
            .map_err(|why| Failure::usage(format!("--store {:?}: {why}", without_password(given)))),
    }
}

/// Where `muster up` keeps the events, when it is started in this environment.
fn of_suite() -> Result<SqliteUrl, Failure> {
    let up = up::program();
    let matches = up.command().get_matches_from(["up"]);
    let settings = up.resolve(&matches, &environment());
    let settings = settings.map_err(Failure::usage)?;
    let config = Config::read(&settings.of(muster_activity::SERVICE.name));
    Ok(config.map_err(Failure::usage)?.store)
}

pub(super) fn backup(matches: &ArgMatches) -> Result<(), Failure> {
    let (url, file) = (store_url(matches)?, text(matches, "file"));
    let bar = Bar::new(matches, None);
    bar.say("copying");
    let copied = store::backup(&url, Path::new(file), |now| show(&bar, now));
    drop(bar);
    let copy = copied.map_err(Failure::failed)?;
    let line = format!(
        "{} in {} copied to {file}, {} bytes",
        counted(copy.events as usize, "event"),
        counted(copy.topics as usize, "topic"),
        copy.size_bytes,
    );
    let object = json!({
        "file": file,
        "events": copy.events,
        "topics": copy.topics,
        "last_position": copy.last_position,
        "size_bytes": copy.size_bytes,
    });
    print(matches, line, &object)
}

pub(super) fn verify(matches: &ArgMatches) -> Result<(), Failure> {
    let url = store_url(matches)?;
    let bar = Bar::new(matches, None);
    bar.say("reading");
    let found = store::verify(&url, |now| show(&bar, now));
    drop(bar);
    let findings = found.map_err(Failure::failed)?;
    for finding in &findings {
        let object = json!({ "place": finding.place, "what": finding.what });
        print(matches, finding, &object)?;
    }
    match findings.len() {
        0 => print_for_people(matches, format!("nothing is wrong with {url}")),
        count => Err(Failure::failed(format!(
            "{} in {url}",
            counted(count, "finding")
        ))),
    }
}

fn show(bar: &Bar, now: Progress) {
    bar.set_total(Some(now.total));
    bar.at(now.done);
}
