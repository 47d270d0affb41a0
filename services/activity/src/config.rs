//! The settings of the service.

use muster_kit::config::{BadSetting, Kind, Scope, Setting, Settings};
use muster_kit::store::SqliteUrl;

/// What may be set.
pub const SETTINGS: &[Setting] = &[Setting {
    name: "store",
    value: "URL",
    help: "Where the events are kept: sqlite:PATH",
    default: Some("sqlite:./muster-data/activity.db"),
    scope: Scope::Service,
    kind: Kind::Value,
}];

/// The settings of one instance.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the events are kept.
    pub store: SqliteUrl,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// Names the first one that is bad.
    pub fn read(settings: &Settings) -> Result<Config, BadSetting> {
        Ok(Config {
            store: settings.get("store")?,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_store_of_an_unknown_kind_is_refused_by_name() {
        let bad = Config::read(&Settings::for_test(&[("store", "cassandra://x")])).unwrap_err();
        assert!(bad.to_string().contains("store"), "{bad}");
    }

    #[test]
    fn a_sqlite_store_is_taken() {
        let config = Config::read(&Settings::for_test(&[("store", "sqlite:/data/a.db")])).unwrap();
        assert!(config.store.0.ends_with("a.db"));
    }
}
