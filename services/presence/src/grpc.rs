//! All APIs: proto ⇄ domain.

pub use compat::Compat;
pub use presence::Api;

mod compat;
pub(crate) mod convert;
mod events;
mod places;
mod presence;
mod session;
