//! Mail that is never lost.
