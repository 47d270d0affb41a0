//! Both APIs: proto ⇄ domain.

pub use compat::Compat;
pub use v1::Api;

mod compat;
mod v1;
