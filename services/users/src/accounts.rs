//! What the service does, for both of its APIs.

use std::sync::Arc;

use muster_kit::clock::now_ns;
use muster_kit::mail::{Address, MailDomain};

use crate::error::Error;
use crate::store::Store;
use crate::user::{NewUser, User};

/// All accounts; its clones are the same.
#[derive(Debug, Clone)]
pub struct Accounts {
    store: Store,
    mail_domain: Arc<MailDomain>,
}

impl Accounts {
    /// The accounts of a store. Addresses that are a local part alone belong to `mail_domain`.
    pub fn new(store: Store, mail_domain: MailDomain) -> Accounts {
        Accounts {
            store,
            mail_domain: Arc::new(mail_domain),
        }
    }

    /// Creates the user of this address, or finds the one who is there. Either takes the same
    /// time. `POST /create` does not tell which it was; `CreateUser` of the gRPC API returns the
    /// user, and so tells it by `created_at`: it is for callers who may know.
    ///
    /// # Errors
    /// The address is none; too many mails or sign-ups wait; the store does not write.
    pub async fn create(&self, email: &str) -> Result<User, Error> {
        let address = Address::parse(email, &self.mail_domain).map_err(Error::Email)?;
        self.store.create(NewUser::new(address, now_ns())).await
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
