//! How far something is that takes a while: on a terminal alone, and not with `--json`.

use std::borrow::Cow;
use std::time::Duration;

use clap::ArgMatches;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Often enough to see that it goes on.
const TICK: Duration = Duration::from_millis(100);
const WITH_END: &str = "{msg}  {wide_bar} {percent}%  {eta} left";
const WITHOUT_END: &str = "{spinner} {msg}  {elapsed}";

/// A line on standard error, which goes when it is dropped.
pub(super) struct Bar(ProgressBar);

impl Bar {
    /// Up to a number, or with no end in sight. What stands for the number is up to the caller.
    pub(super) fn new(matches: &ArgMatches, total: Option<u64>) -> Bar {
        let target = match matches.get_flag("json") {
            true => ProgressDrawTarget::hidden(),
            // It hides by itself where this is no terminal.
            false => ProgressDrawTarget::stderr(),
        };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.enable_steady_tick(TICK);
        let bar = Bar(bar);
        bar.set_total(total);
        bar
    }

    /// One that nobody sees.
    pub(super) fn hidden() -> Bar {
        Bar(ProgressBar::hidden())
    }

    pub(super) fn is_hidden(&self) -> bool {
        self.0.is_hidden()
    }

    /// The end comes in sight.
    pub(super) fn set_total(&self, total: Option<u64>) {
        let template = match total {
            Some(total) => {
                self.0.set_length(total);
                WITH_END
            }
            None => WITHOUT_END,
        };
        let style = ProgressStyle::with_template(template);
        self.0
            .set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    }

    /// It is so far.
    pub(super) fn at(&self, done: u64) {
        self.0.set_position(done);
    }

    /// What is being done.
    pub(super) fn say(&self, message: impl Into<Cow<'static, str>>) {
        self.0.set_message(message);
    }

    /// Takes the line away for as long as something else is written.
    pub(super) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.0.suspend(write)
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
