//! The settings of the service.

use std::num::NonZeroU32;

use muster_kit::config::{BadSetting, Setting, Settings};

/// What may be set.
pub const SETTINGS: &[Setting] = &[Setting::of_service(
    "connections-per-user",
    "COUNT",
    "How many connections a user may have; on other replicas, only what they tell is counted",
)
.or("1000")];

/// The settings of one instance.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// How many connections a user may have.
    pub connections_per_user: NonZeroU32,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// Names the first one that is bad.
    pub fn read(settings: &Settings) -> Result<Self, BadSetting> {
        Ok(Self {
            connections_per_user: settings.get("connections-per-user")?,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(connections: &str) -> Result<Config, BadSetting> {
        Config::read(&Settings::for_test(&[(
            "connections-per-user",
            connections,
        )]))
    }

    #[test]
    fn a_user_has_a_connection_at_least() {
        assert_eq!(read("7").unwrap().connections_per_user.get(), 7);
        for bad in ["0", "-1", "many"] {
            let bad = read(bad).unwrap_err().to_string();
            assert!(bad.contains("--connections-per-user"), "{bad}");
        }
    }
}
