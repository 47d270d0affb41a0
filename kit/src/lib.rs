//! Makes a service of a handler; knows no domain.
//!
//! A service hands its tonic handlers to [`server::Server`] and gets the rest: the serve loop
//! with its limits and its drain, health, reflection, metrics, request ids, deadlines, and the
//! check of browser origins. [`process`] is the way from a command line to a running service,
//! [`discovery`] and [`channel`] the way from one service to another.

pub mod admin;
pub mod backoff;
pub mod bus;
pub mod channel;
pub mod clock;
pub mod config;
pub mod discovery;
pub mod duration;
pub mod event;
mod grpc_timeout;
pub mod health;
pub mod listen;
pub mod mail;
pub mod metrics;
pub mod origin;
pub mod partial;
pub mod probe;
pub mod process;
pub mod reflection;
pub mod request_id;
mod rpc_method;
pub mod server;
pub mod status;
pub mod store;
pub mod stream;
pub mod telemetry;
pub mod tls;
pub mod trace;
mod watched;
mod work;

/// Fires when the process is asked to stop.
pub type Shutdown = tokio_util::sync::CancellationToken;
