//! The contracts of muster: what the outside sees.
//!
//! `compat/` holds the packages that existing clients speak, `muster/` the API of our own,
//! `grpc/` the health protocol. Each .proto documents its calls, units and errors; the modules
//! here are generated from them.

pub mod codec;

/// All files with their imports, comments and custom options: what reflection serves.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// Generated code of one package.
macro_rules! package {
    ($(#[$doc:meta])* $name:ident, $package:literal) => {
        $(#[$doc])*
        #[allow(missing_docs, unreachable_pub, clippy::all)]
        pub mod $name {
            tonic::include_proto!($package);
        }
    };
}

/// Contracts that existing clients speak.
pub mod compat {
    package!(
        /// Presence: `cloudstate.samples.chat.presence`.
        presence,
        "cloudstate.samples.chat.presence"
    );
    package!(
        /// Activity: `activityevents`.
        activity,
        "activityevents"
    );
    package!(
        /// Notificator: `pb`.
        notificator,
        "pb"
    );
    package!(
        /// Conflicts: `Scheduling`.
        scheduling,
        "scheduling"
    );
}

/// muster's own API.
pub mod muster {
    /// Notificator.
    pub mod notificator {
        package!(
            /// `muster.notificator.v1`.
            v1,
            "muster.notificator.v1"
        );
    }
    /// Users.
    pub mod users {
        package!(
            /// `muster.users.v1`.
            v1,
            "muster.users.v1"
        );
    }
}

/// The gRPC health checking protocol.
pub mod health {
    package!(
        /// `grpc.health.v1`.
        v1,
        "grpc.health.v1"
    );
}
