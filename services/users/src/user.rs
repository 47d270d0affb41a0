//! Users and the mail that welcomes them.

use muster_kit::mail::Address;
use muster_kit::trace::TraceContext;
use uuid::Uuid;

/// The text of the mail that each new user gets.
pub const WELCOME: &str = "Hi! Thank you for registration...";

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// From 1 up; never used again for another user.
    pub id: i64,
    /// The address in the spelling of its first registration.
    pub email: String,
    /// When the user was created, in nanoseconds since the Unix epoch.
    pub created_at_ns: i64,
}

/// A user who may be there already.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// The address. Two are the same user's if their keys are equal.
    pub address: Address,
    /// When, in nanoseconds since the Unix epoch.
    pub created_at_ns: i64,
    /// The mail that welcomes the user if there is none of this address yet.
    pub welcome: NewMail,
}

/// A mail to be stored with its user.
#[derive(Debug, Clone)]
pub struct NewMail {
    /// Identifies the mail for good: the key under which a notificator knows it.
    pub id: Uuid,
    /// The text.
    pub content: String,
}

impl NewUser {
    /// A user of this address, to be welcomed.
    pub fn new(address: Address, created_at_ns: i64) -> NewUser {
        let welcome = NewMail {
            id: Uuid::new_v4(),
            content: WELCOME.to_owned(),
        };
        NewUser {
            address,
            created_at_ns,
            welcome,
        }
    }
}

/// A mail that waits for a notificator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingMail {
    /// Its place in the order of all mails.
    pub number: i64,
    /// The key under which a notificator knows it.
    pub id: String,
    /// The recipient's address.
    pub to: String,
    /// The text.
    pub content: String,
    /// How often it was offered to a notificator.
    pub attempts: u32,
    /// The notificator that may hold it: it was offered there, and no answer came.
    pub offered_to: Option<String>,
    /// The trace of the sign-up.
    pub trace: Option<TraceContext>,
}
