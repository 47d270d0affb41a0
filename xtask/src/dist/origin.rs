//! What a build is of.

use std::env;
use std::process::Command;

use chrono::{DateTime, SecondsFormat};

use crate::command::printed;

/// The commit that is built.
pub(super) struct Origin {
    /// The version of the workspace.
    pub(super) version: &'static str,
    /// The commit's hash; `-dirty` follows where files differ from it.
    pub(super) revision: String,
    /// When it was made, in seconds since the Unix epoch: the time of everything that needs one.
    pub(super) time_s: u64,
}

impl Origin {
    /// Asks git; `SOURCE_DATE_EPOCH` is believed before it.
    pub(super) fn of_commit() -> Result<Origin, String> {
        let revision = git("describe --always --dirty --abbrev=40 --exclude=*")?;
        let time = match env::var("SOURCE_DATE_EPOCH") {
            Ok(time) => time,
            Err(_) => git("log -1 --format=%ct")?,
        };
        let time_s = time
            .trim()
            .parse()
            .map_err(|_| format!("SOURCE_DATE_EPOCH {time:?}: expected seconds"))?;
        Ok(Origin {
            version: env!("CARGO_PKG_VERSION"),
            revision: revision.trim().to_owned(),
            time_s,
        })
    }

    /// That time as RFC 3339 writes it.
    pub(super) fn time(&self) -> String {
        let time = DateTime::from_timestamp_secs(self.time_s.cast_signed());
        time.unwrap_or_default()
            .to_rfc3339_opts(SecondsFormat::Secs, true)
    }
}

fn git(words: &str) -> Result<String, String> {
    printed(Command::new("git").args(words.split(' ')))
}
