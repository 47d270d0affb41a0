//! The settings of the service.

use muster_kit::bus;
use muster_kit::config::{BadSetting, Kind, Setting, Settings};
use muster_kit::store::StoreUrl;

/// What may be set.
pub const SETTINGS: &[Setting] = &[
    Setting::of_service(
        "store",
        "URL",
        "Where the tasks are kept: sqlite:PATH or mysql://USER:PASSWORD@HOST:PORT/DATABASE[?ssl-mode=…]",
    )
    .or("sqlite:./muster-data/tasks.db")
    .kind(Kind::Secret),
    bus::SETTING,
];

/// The settings of one instance.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the tasks are kept.
    pub store: StoreUrl,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// Names the first one that is bad.
    pub fn read(settings: &Settings) -> Result<Config, BadSetting> {
        Ok(Config {
            store: settings.get::<StoreUrl>("store")?.within(settings)?,
        })
    }
}
