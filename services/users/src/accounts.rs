//! What the service does, for both of its APIs.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use muster_kit::mail::{Address, MailDomain};
use tokio::sync::Notify;

use crate::error::Error;
use crate::store::Store;
use crate::user::{NewUser, User};

/// All accounts; its clones are the same.
#[derive(Debug, Clone)]
pub struct Accounts {
    store: Store,
    mail_domain: Arc<MailDomain>,
    mail_waits: Arc<Notify>,
}

impl Accounts {
    /// The accounts of a store. Addresses that are a local part alone belong to `mail_domain`.
    pub fn new(store: Store, mail_domain: MailDomain) -> Accounts {
        Accounts {
            store,
            mail_domain: Arc::new(mail_domain),
            mail_waits: Arc::default(),
        }
    }

    /// Notified whenever a mail may wait.
    pub fn mail_waits(&self) -> Arc<Notify> {
        self.mail_waits.clone()
    }

    /// Creates the user of this address, or finds the one who is there: the caller cannot tell
    /// which, by the answer or by the time it takes.
    ///
    /// # Errors
    /// The address is none; too many mails wait; the store does not write.
    pub async fn create(&self, email: &str) -> Result<User, Error> {
        let address = Address::parse(email, &self.mail_domain).map_err(Error::Email)?;
        let user = self.store.create(NewUser::new(address, now_ns())).await?;
        self.mail_waits.notify_one();
        Ok(user)
    }

    /// The user of this id.
    ///
    /// # Errors
    /// There is none, or the store does not answer.
    pub async fn get(&self, id: i64) -> Result<User, Error> {
        if id < 1 {
            return Err(Error::Id);
        }
        self.store.user(id).await?.ok_or(Error::NoSuchUser)
    }
}

fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let since_ns = since.unwrap_or_default().as_nanos();
    i64::try_from(since_ns).unwrap_or(i64::MAX)
}
