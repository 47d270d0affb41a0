//! What clients and the gateway say to each other: docs/live-protocol.md. Pure.

pub mod frame;
pub mod frames;
mod request;

pub use self::frame::Frame;
pub use self::frames::Reason;
pub use self::request::{BadRequest, Request, Selection, UserId};

/// The longest message of a client, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 16 * 1024;
/// The most subscriptions of a connection.
pub const MAX_SUBSCRIPTIONS: usize = 100;
/// The most users whom a connection may monitor.
pub const MAX_MONITORED_USERS: usize = 1_000;
