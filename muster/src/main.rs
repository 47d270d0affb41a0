//! The whole suite in one process, and its command-line client.

fn main() {}
