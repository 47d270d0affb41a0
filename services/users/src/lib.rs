//! Accounts, each welcomed with a mail.
