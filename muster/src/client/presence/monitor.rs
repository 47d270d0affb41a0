//! `muster presence monitor NAME…`.

use std::collections::HashMap;

use clap::{ArgMatches, Command};
use muster_proto::muster::presence::v1 as pb;
use pb::session_request::Action;
use pb::session_response::News;

use super::{names, names_arg, session, user};
use crate::client::{Failure, print};

pub(super) fn command() -> Command {
    Command::new("monitor")
        .about("Tells when users come and go")
        .arg(names_arg())
}

pub(super) async fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let watch = pb::Watch {
        users: names(matches),
        ..pb::Watch::default()
    };
    let mut printed = Printed::default();
    session::keep(matches, vec![Action::Watch(watch)], |news| {
        let users = match news {
            News::Snapshot(snapshot) => snapshot.users,
            News::Changes(changes) => changes.users,
            News::Outcome(_) => return Ok(()),
        };
        users
            .iter()
            .try_for_each(|user| printed.show(matches, user))
    })
    .await
}

/// What was printed last of each user.
#[derive(Default)]
struct Printed(HashMap<String, pb::UserPresence>);

impl Printed {
    /// Prints what is known of a user, unless it says what was printed last. People are told of devices by `list`.
    fn show(&mut self, matches: &ArgMatches, now: &pb::UserPresence) -> Result<(), Failure> {
        // Versions grow with whatever happens to anybody.
        let now = pb::UserPresence {
            version: 0,
            ..now.clone()
        };
        let before = self.0.insert(now.user.clone(), now.clone());
        let is_same = before.is_some_and(|before| match matches.get_flag("json") {
            true => before == now,
            false => before.online == now.online,
        });
        if is_same {
            return Ok(());
        }
        let word = if now.online { "online" } else { "offline" };
        let line = format!("{} is {word}", now.user);
        print(matches, line, &user::object(&now))
    }
}
