//! The settings of the service.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use muster_kit::bus;
use muster_kit::config::{BadSetting, Setting, Settings};
use muster_kit::duration::Seconds;
use muster_kit::process::WEB;

use crate::live::Limits;

/// What may be set.
pub const SETTINGS: &[Setting] = &[
    Setting::of_service(WEB, "ADDR", "Address of the web console, as --listen")
        .or("localhost:8181"),
    bus::SETTING,
    Setting::of_service(
        "user-retention",
        "TIME",
        "How long events of users are kept, for those who come back",
    )
    .or("90d"),
    Setting::of_service(
        "max-connections",
        "COUNT",
        "WebSockets and event streams at one time",
    )
    .or("20000"),
    Setting::of_service(
        "max-connections-per-address",
        "COUNT",
        "Those from one address; behind a proxy all may be from one",
    )
    .or("20000"),
    Setting::of_service(
        "max-connections-per-user",
        "COUNT",
        "Those that are subscribed to the messages of one user",
    )
    .or("100"),
];

/// The settings of one instance.
#[derive(Debug, Clone)]
pub struct Config {
    /// How long events of users are kept.
    pub user_retention: Duration,
    /// How many connections there may be.
    pub limits: Limits,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// Names the first one that is bad.
    pub fn read(settings: &Settings) -> Result<Config, BadSetting> {
        let Seconds(user_retention) = settings.get("user-retention")?;
        if user_retention < Duration::from_secs(1) {
            return Err(BadSetting::new(
                "user-retention",
                "expected a second at least",
            ));
        }
        Ok(Config {
            user_retention,
            limits: Limits {
                connections: count(settings, "max-connections")?,
                per_addr: count(settings, "max-connections-per-address")?,
                per_user: count(settings, "max-connections-per-user")?,
            },
        })
    }
}

fn count<T>(settings: &Settings, name: &str) -> Result<T, BadSetting>
where
    T: FromStr + PartialEq + Default,
    T::Err: Display,
{
    let count = settings.get(name)?;
    match count == T::default() {
        true => Err(BadSetting::new(name, "expected 1 at least")),
        false => Ok(count),
    }
}
