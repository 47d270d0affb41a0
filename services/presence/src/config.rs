//! The settings of the service: none beside the common ones.

use muster_kit::config::{BadSetting, Settings};

/// The settings of one instance.
#[derive(Debug, Clone, Copy, Default)]
pub struct Config;

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// None yet; every service is read alike.
    pub fn read(_settings: &Settings) -> Result<Self, BadSetting> {
        Ok(Self)
    }
}
