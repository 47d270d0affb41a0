//! Who is here: a replicated vote for each user.

pub mod roster;
pub mod user;
pub mod vote;
