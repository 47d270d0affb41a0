//! What can go wrong.

use muster_kit::server::ServeError;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The port cannot be served.
    #[error(transparent)]
    Serve(#[from] ServeError),
}
