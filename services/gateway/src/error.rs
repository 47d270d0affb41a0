//! What can go wrong.

use muster_kit::server::ServeError;

use crate::rpc::method::BadContract;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The .proto files say what cannot be.
    #[error(transparent)]
    Contract(#[from] BadContract),
    /// The port cannot be served.
    #[error(transparent)]
    Serve(#[from] ServeError),
}
