//! The settings of the service.

use muster_kit::config::{BadSetting, Setting, Settings};
use muster_kit::process::WEB;

/// What may be set.
pub const SETTINGS: &[Setting] =
    &[
        Setting::of_service(WEB, "ADDR", "Address of the web console, as --listen")
            .or("localhost:8181"),
    ];

/// The settings of one instance.
#[derive(Debug, Clone)]
pub struct Config {}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// Names the first one that is bad.
    pub fn read(_: &Settings) -> Result<Config, BadSetting> {
        Ok(Config {})
    }
}
