//! Mail that is never lost.

fn main() {}
