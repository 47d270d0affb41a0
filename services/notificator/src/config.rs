//! The settings of the service.

use lettre::message::Mailbox;
use lettre::transport::smtp::client::Certificate;
use muster_kit::config::{BadSetting, Kind, Setting, Settings};
use muster_kit::mail::{Address, MailDomain};
use muster_kit::store::SqliteUrl;
use muster_kit::tls;

use crate::transport::{NoOutlet, Outlet};

/// What may be set.
pub const SETTINGS: &[Setting] = &[
    Setting::of_service("store", "URL", "Where the mails are kept: sqlite:PATH")
        .or("sqlite:./muster-data/notificator.db"),
    Setting::of_service(
        "smtp",
        "URL",
        "How mail leaves: file:DIR, smtp://… or smtps://…",
    )
    .or("file:./muster-data/mail")
    .kind(Kind::Secret),
    Setting::of_service("mail-from", "ADDRESS", "Whom mails are from").or("muster@localhost"),
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
    /// Where the mails are kept.
    pub store: SqliteUrl,
    /// How mail leaves.
    pub outlet: Outlet,
    /// Whom mails are from.
    pub from: Mailbox,
    /// The domain of addresses that have none, and of Message-IDs.
    pub mail_domain: MailDomain,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// Names the first one that is bad.
    pub fn read(settings: &Settings) -> Result<Self, BadSetting> {
        let mail_domain: MailDomain = settings.get("mail-domain")?;
        let from: String = settings.get("mail-from")?;
        let bad = |why: &dyn std::fmt::Display| BadSetting::new("mail-from", why);
        let from = Address::parse(&from, &mail_domain).map_err(|why| bad(&why))?;
        let from = from
            .as_str()
            .parse()
            .map_err(|why: lettre::address::AddressError| bad(&why))?;
        Ok(Self {
            store: settings.get("store")?,
            outlet: outlet(settings)?,
            from: Mailbox::new(None, from),
            mail_domain,
        })
    }
}

fn outlet(settings: &Settings) -> Result<Outlet, BadSetting> {
    let url: String = settings.get("smtp")?;
    let bad = |why: NoOutlet| BadSetting::new(&settings.flag("smtp"), why);
    let Some(path) = tls::believed(settings)? else {
        return Outlet::parse(&url, None).map_err(bad);
    };
    let unread = |why: &dyn std::fmt::Display| {
        BadSetting::new("tls-ca", format!("{}: {why}", path.display()))
    };
    let pem = std::fs::read(&path).map_err(|why| unread(&why))?;
    let ca = Certificate::from_pem(&pem).map_err(|why| unread(&why))?;
    Outlet::parse(&url, Some(ca)).map_err(bad)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(smtp: &str, from: &str) -> Result<Config, BadSetting> {
        Config::read(&Settings::for_test(&[
            ("store", "sqlite:x.db"),
            ("smtp", smtp),
            ("mail-from", from),
            ("mail-domain", "example.org"),
        ]))
    }

    #[test]
    fn a_sender_without_a_domain_gets_the_mail_domain() {
        let config = read("file:mail", "muster").unwrap();
        assert_eq!(config.from.to_string(), "muster@example.org");
    }

    #[test]
    fn a_bad_setting_is_named() {
        let from = read("file:mail", "a b").unwrap_err().to_string();
        assert!(from.starts_with("--mail-from: "), "{from}");
        let smtp = read("ftp://x", "muster").unwrap_err().to_string();
        assert!(smtp.starts_with("--smtp"), "{smtp}");
    }
}
