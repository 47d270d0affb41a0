//! Settings: flags and environment variables, declared in tables.
//!
//! Every setting is a flag (`--store`) and an environment variable (`MUSTER_STORE`); a secret
//! also has a `_FILE` twin that names a file with the value. In `muster up`, where all services
//! share a command line, those of one service carry its name (`--users-store`,
//! `MUSTER_USERS_STORE`). The environment is read as a map, so that tests need not touch it.

mod command;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

pub use command::{Outcome, Program};

use crate::listen::ListenAddr;

/// The environment of the process.
pub type Environment = BTreeMap<String, String>;

/// The folder that defaults name; `muster up --data` puts another in its place.
pub const DATA_DIR: &str = "./muster-data";

/// A setting: one row of a service's table.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The flag without its dashes: `mail-domain`.
    pub name: &'static str,
    /// What stands for the value in `--help`: `URL`.
    pub value: &'static str,
    /// One sentence for `--help`.
    pub help: &'static str,
    /// The value where none is given.
    pub default: Option<&'static str>,
    /// Whose it is in `muster up`.
    pub scope: Scope,
    /// What it holds.
    pub kind: Kind,
}

/// Whose a setting is in `muster up`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Of one service, and carries its name.
    Service,
    /// Of the process: one for all services.
    Suite,
}

/// What a setting holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A plain value.
    Value,
    /// A value that is never printed, with a `_FILE` twin.
    Secret,
    /// On or off; off where it is not given.
    Switch,
}

impl Setting {
    /// A plain value of one service, without a default.
    pub const fn of_service(name: &'static str, value: &'static str, help: &'static str) -> Self {
        let (default, scope, kind) = (None, Scope::Service, Kind::Value);
        Self {
            name,
            value,
            help,
            default,
            scope,
            kind,
        }
    }

    /// A plain value of the process, without a default.
    pub const fn of_suite(name: &'static str, value: &'static str, help: &'static str) -> Self {
        let setting = Self::of_service(name, value, help);
        Self {
            scope: Scope::Suite,
            ..setting
        }
    }

    /// With a default.
    pub const fn or(self, default: &'static str) -> Self {
        Self {
            default: Some(default),
            ..self
        }
    }

    /// Holding something else than a plain value.
    pub const fn kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }
}

/// A setting that is missing or bad: one line that names it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadSetting(String);

impl BadSetting {
    /// For a setting whose value parses but cannot be.
    pub fn new(name: &str, why: impl Display) -> Self {
        Self(format!("--{name}: {why}"))
    }

    /// For a variable that is none of ours, or stands for a setting.
    pub fn of_variable(variable: &str, value: &str, why: impl Display) -> Self {
        Self(format!("{variable} {value:?}: {why}"))
    }
}

/// The settings of a process, as one of its services sees them.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// By full flag name.
    values: BTreeMap<String, Value>,
    /// The service whose settings carry its name, in `muster up`.
    service: Option<&'static str>,
}

#[derive(Debug, Clone)]
struct Value {
    text: String,
    secret: bool,
    /// Given as a flag, which nothing overrides.
    flag: bool,
}

impl Settings {
    /// The value of a setting.
    ///
    /// # Errors
    /// It is absent and has no default, or is none of type `T`.
    pub fn get<T: FromStr>(&self, name: &str) -> Result<T, BadSetting>
    where
        T::Err: Display,
    {
        match self.optional(name)? {
            Some(value) => Ok(value),
            None => Err(BadSetting::new(&self.flag(name), "required")),
        }
    }

    /// The value of a setting, if it is given or has a default. Empty counts as absent.
    ///
    /// # Errors
    /// It is none of type `T`.
    pub fn optional<T: FromStr>(&self, name: &str) -> Result<Option<T>, BadSetting>
    where
        T::Err: Display,
    {
        let flag = self.flag(name);
        let Some(value) = self
            .values
            .get(&flag)
            .filter(|value| !value.text.is_empty())
        else {
            return Ok(None);
        };
        match value.text.parse() {
            Ok(parsed) => Ok(Some(parsed)),
            Err(why) if value.secret => Err(BadSetting::new(&flag, why)),
            Err(why) => {
                let text = without_password(&value.text);
                Err(BadSetting(format!("--{flag} {text:?}: {why}")))
            }
        }
    }

    /// Whether a switch is on.
    ///
    /// # Errors
    /// It is neither `true` nor `false`.
    pub fn switch(&self, name: &str) -> Result<bool, BadSetting> {
        Ok(self.optional(name)?.unwrap_or(false))
    }

    /// The same, as another service of the process sees them.
    pub fn of(&self, service: &'static str) -> Self {
        Self {
            values: self.values.clone(),
            service: Some(service),
        }
    }

    /// The same with another port to listen on, unless a flag names the address.
    ///
    /// # Errors
    /// The variable holds no port, or `--listen` no address.
    pub fn with_port(mut self, variable: &str, port: &str) -> Result<Self, BadSetting> {
        let is_free = self.values.get("listen").is_some_and(|listen| !listen.flag);
        if !is_free || port.is_empty() {
            return Ok(self);
        }
        let bad = |_| BadSetting::of_variable(variable, port, "expected a port");
        let port = port.parse::<u16>().map_err(bad)?;
        let addr: ListenAddr = self.get("listen")?;
        if let Some(listen) = self.values.get_mut("listen") {
            listen.text = addr.with_port(port).to_string();
        }
        Ok(self)
    }

    /// Settings without a command line, by flag name.
    pub fn for_test(pairs: &[(&str, &str)]) -> Self {
        let value = |text: &str| Value {
            text: text.to_owned(),
            secret: false,
            flag: true,
        };
        let values = pairs
            .iter()
            .map(|(name, text)| ((*name).to_owned(), value(text)));
        Self {
            values: values.collect(),
            service: None,
        }
    }

    /// The setting as its flag is named on this command line, without the dashes: a service's own
    /// wins over one of the process with the same name.
    pub fn flag(&self, name: &str) -> String {
        let own = self.service.map(|service| format!("{service}-{name}"));
        match own {
            Some(own) if self.values.contains_key(&own) => own,
            _ => name.to_owned(),
        }
    }
}

/// A text that may be a URL, fit to be printed: `mysql://me:***@db/shop`.
pub fn without_password(text: &str) -> String {
    let hidden = || {
        let (scheme, rest) = text.split_once("://")?;
        let (who, place) = rest.rsplit_once('@')?;
        let (user, _password) = who.split_once(':')?;
        Some(format!("{scheme}://{user}:***@{place}"))
    };
    hidden().unwrap_or_else(|| text.to_owned())
}

/// Reads the environment once; names or values that are not UTF-8 are none of ours.
pub fn environment() -> Environment {
    let utf8 = |text: std::ffi::OsString| text.into_string().ok();
    std::env::vars_os()
        .filter_map(|(name, value)| Some((utf8(name)?, utf8(value)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_url_all_is_printed_but_its_password() {
        for (text, printed) in [
            ("mysql://me:s:e@cret/@db/shop", "mysql://me:***@db/shop"),
            ("mysql://me@db:3306/shop", "mysql://me@db:3306/shop"),
            ("sqlite:x@y:z", "sqlite:x@y:z"),
            ("", ""),
        ] {
            assert_eq!(without_password(text), printed);
        }
    }
}
