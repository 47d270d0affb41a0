//! Accounts, each welcomed with a mail.

fn main() {}
