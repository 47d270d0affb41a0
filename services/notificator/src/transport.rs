//! How mail leaves: a closed set of ways, chosen by the URL of `--smtp`.

mod folder;
mod message;
mod smtp;

use lettre::message::Mailbox;
use lettre::transport::smtp::client::Certificate;
use muster_kit::mail::MailDomain;
use muster_kit::trace::Span;

use crate::mail::Waiting;
use folder::Folder;
use smtp::Smtp;

/// A way out, as `--smtp` names it.
#[derive(Debug, Clone)]
pub enum Outlet {
    /// `file:DIR`: one .eml for each mail.
    Folder(Folder),
    /// `smtp://…` or `smtps://…`.
    Smtp(Smtp),
}

/// A text that names no way out. It never holds the text, which may have a password in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoOutlet {
    /// There is no such way.
    #[error("expected file:DIR, smtp://host:port or smtps://host:port")]
    Scheme,
    /// The folder has no name.
    #[error("expected a folder after file:")]
    Folder,
    /// The address of the server is off.
    #[error("expected an SMTP server, such as smtp://user:password@host:port")]
    Server,
    /// The CA is none.
    #[error("the file of --tls-ca holds no certificate that can be believed")]
    Ca,
}

impl Outlet {
    /// The way that a URL names. A server within TLS may show a certificate of this CA as well as of those of the web.
    ///
    /// # Errors
    /// It names none.
    pub fn parse(text: &str, ca: Option<Certificate>) -> Result<Self, NoOutlet> {
        match text.split_once(':') {
            Some(("file", "")) => Err(NoOutlet::Folder),
            Some(("file", folder)) => Ok(Self::Folder(Folder::new(folder))),
            Some(("smtp" | "smtps", _)) => Smtp::new(text, ca).map(Self::Smtp),
            _ => Err(NoOutlet::Scheme),
        }
    }
}

/// Why a delivery failed.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// It may succeed later.
    ForNow(String),
    /// It never will.
    ForGood(String),
}

/// Delivers mails: whom they are from, and by which way they leave.
#[derive(Debug, Clone)]
pub struct Transport {
    outlet: Outlet,
    from: Mailbox,
    domain: MailDomain,
}

impl Transport {
    /// By this way, from this mailbox, with Message-IDs of this domain.
    pub fn new(outlet: Outlet, from: Mailbox, domain: MailDomain) -> Self {
        Self {
            outlet,
            from,
            domain,
        }
    }

    /// Notes in a span which way mails leave.
    pub fn describe(&self, span: &mut Span) {
        match &self.outlet {
            Outlet::Folder(_) => span.note("network.protocol.name", "file"),
            Outlet::Smtp(smtp) => {
                span.note("network.protocol.name", "smtp");
                span.note("server.address", smtp.host());
            }
        }
    }

    /// Delivers a mail. Again is the same: the same file, the same Message-ID.
    ///
    /// # Errors
    /// It was not taken, for now or for good.
    pub async fn deliver(&self, mail: &Waiting) -> Result<(), Failure> {
        let message = message::build(mail, &self.from, &self.domain)?;
        match &self.outlet {
            Outlet::Folder(folder) => folder.put(mail.id, message.formatted()).await,
            Outlet::Smtp(smtp) => smtp.send(message).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_way_out() {
        assert!(matches!(
            Outlet::parse("file:./mail", None),
            Ok(Outlet::Folder(_))
        ));
        for (text, why) in [
            ("", NoOutlet::Scheme),
            ("mail.example.org", NoOutlet::Scheme),
            ("http://mail.example.org", NoOutlet::Scheme),
            ("file:", NoOutlet::Folder),
            ("smtp://", NoOutlet::Server),
        ] {
            let refused = Outlet::parse(text, None).err();
            assert_eq!(refused, Some(why), "{text:?}");
        }
    }
}
