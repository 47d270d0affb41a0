//! Where the spans of this process go.

use std::sync::OnceLock;

use super::queue::Queue;
use super::resource::Process;
use super::settings::Settings;
use crate::config::{BadSetting, Environment};

static RECORDER: OnceLock<Recorder> = OnceLock::new();

/// All that is needed to record and to export.
#[derive(Debug)]
pub(super) struct Recorder {
    pub(super) settings: Settings,
    pub(super) process: Process,
    pub(super) queue: Queue,
}

/// Begins to record the spans of this process if its environment names a collector; again does nothing.
///
/// # Errors
/// A variable says what cannot be.
pub(crate) fn install(environment: &Environment) -> Result<(), BadSetting> {
    if let Some(settings) = Settings::read(environment)? {
        let _again = RECORDER.set(Recorder {
            process: Process::new(&settings),
            queue: Queue::new(settings.queue, settings.batch),
            settings,
        });
    }
    Ok(())
}

pub(super) fn recorder() -> Option<&'static Recorder> {
    RECORDER.get()
}

/// Whether spans are recorded at all: otherwise it is not worth to look for what they would be part of.
pub fn is_on() -> bool {
    RECORDER.get().is_some()
}
