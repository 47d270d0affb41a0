//! The settings of the service.

use muster_kit::config::{BadSetting, Setting, Settings};
use muster_kit::mail::MailDomain;
use muster_kit::store::SqliteUrl;

/// What may be set.
pub const SETTINGS: &[Setting] = &[
    Setting::of_service("store", "URL", "Where the users are kept: sqlite:PATH")
        .or("sqlite:./muster-data/users.db"),
    Setting::of_suite(
        "mail-domain",
        "DOMAIN",
        "Domain of addresses that are a local part alone",
    )
    .or("localhost"),
];

/// The settings of one instance.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the users are kept.
    pub store: SqliteUrl,
    /// The domain of addresses that have none.
    pub mail_domain: MailDomain,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// Names the first one that is bad.
    pub fn read(settings: &Settings) -> Result<Config, BadSetting> {
        Ok(Config {
            store: settings.get("store")?,
            mail_domain: settings.get("mail-domain")?,
        })
    }
}
