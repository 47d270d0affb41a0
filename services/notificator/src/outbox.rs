//! What the service does, for both of its APIs.

use std::sync::Arc;

use metrics::counter;
use muster_kit::mail::{Address, MailDomain};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::error::Error;
use crate::mail::{NewMail, Report};
use crate::store::Store;

/// Takes mails and tells how they stand; its clones are the same.
#[derive(Debug, Clone)]
pub struct Outbox {
    store: Store,
    mail_domain: Arc<MailDomain>,
    mail_waits: Arc<Notify>,
}

impl Outbox {
    /// The mails of a store. Addresses that are a local part alone belong to `mail_domain`.
    pub fn new(store: Store, mail_domain: MailDomain) -> Self {
        Self {
            store,
            mail_domain: Arc::new(mail_domain),
            mail_waits: Arc::default(),
        }
    }

    /// Notified whenever a mail was stored.
    pub fn mail_waits(&self) -> Arc<Notify> {
        self.mail_waits.clone()
    }

    /// Reads the address in `field`.
    ///
    /// # Errors
    /// It is none.
    pub fn address(&self, field: &'static str, text: &str) -> Result<Address, Error> {
        Address::parse(text, &self.mail_domain).map_err(|why| Error::Address(field, why))
    }

    /// Stores a mail for delivery; its id, once it is on disk.
    ///
    /// # Errors
    /// The key was used with another mail, there is no room, or the store failed.
    pub async fn send(&self, mail: NewMail) -> Result<Uuid, Error> {
        let id = mail.id;
        self.store.add(mail).await?;
        counter!("notificator_mails_stored_total").increment(1);
        self.mail_waits.notify_one();
        Ok(id)
    }

    /// How a mail stands.
    ///
    /// # Errors
    /// There is none of this id, or the store cannot be read.
    pub async fn report(&self, id: &str) -> Result<Report, Error> {
        let id = id.parse().map_err(|_| Error::NoId)?;
        self.store.report(id).await?.ok_or(Error::NoSuchMail)
    }
}
