//! Who is here: a replicated vote for each user.

fn main() {}
