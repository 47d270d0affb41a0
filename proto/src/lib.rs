//! The contracts of muster: what the outside sees.
//!
//! `compat/` holds the packages that existing clients speak, `muster/` the API of our own,
//! `grpc/` the health protocol, `etcd/` what the registry uses of etcd's, `opentelemetry/` what
//! collectors of traces are sent. Each .proto documents
//! its calls, units and errors; the modules here are generated from them.

use prost::Message as _;

pub mod codec;

/// All files with their imports, comments and custom options: what reflection serves.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The path of every method: `/pb.Notificator/SendEmail`.
pub fn method_paths() -> Vec<String> {
    let files = prost_types::FileDescriptorSet::decode(DESCRIPTORS)
        .unwrap_or_default()
        .file;
    let mut paths = Vec::new();
    for file in &files {
        for service in &file.service {
            let service_name = format!("{}.{}", file.package(), service.name());
            let methods = service
                .method
                .iter()
                .map(prost_types::MethodDescriptorProto::name);
            paths.extend(methods.map(|method| format!("/{service_name}/{method}")));
        }
    }
    paths
}

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
    /// Activity.
    pub mod activity {
        package!(
            /// `muster.activity.v1`.
            v1,
            "muster.activity.v1"
        );
    }
    /// Notificator.
    pub mod notificator {
        package!(
            /// `muster.notificator.v1`.
            v1,
            "muster.notificator.v1"
        );
    }
    /// Presence.
    pub mod presence {
        package!(
            /// `muster.presence.v1`.
            v1,
            "muster.presence.v1"
        );
    }
    /// Tasks.
    pub mod tasks {
        package!(
            /// `muster.tasks.v1`.
            v1,
            "muster.tasks.v1"
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

package!(
    /// What the registry uses of etcd's own API: `etcdserverpb`.
    etcd,
    "etcdserverpb"
);

package!(
    /// What collectors of traces are sent: `opentelemetry.proto.collector.trace.v1`.
    otlp,
    "opentelemetry.proto.collector.trace.v1"
);

/// The gRPC health checking protocol.
pub mod health {
    package!(
        /// `grpc.health.v1`.
        v1,
        "grpc.health.v1"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_is_described() {
        let paths = method_paths();
        for path in [
            "/cloudstate.samples.chat.presence.Presence/Connect",
            "/activityevents.ActivityEvents/CreateEvent",
            "/pb.Notificator/SendEmail",
            "/Scheduling.ConflictService/GetConflicts",
            "/muster.activity.v1.ActivityService/Append",
            "/muster.notificator.v1.NotificatorService/Send",
            "/muster.presence.v1.PresenceService/Session",
            "/muster.presence.v1.ReplicationService/Replicate",
            "/muster.tasks.v1.TasksService/UpdateTask",
            "/muster.users.v1.UsersService/CreateUser",
            "/grpc.health.v1.Health/List",
        ] {
            assert!(paths.iter().any(|known| known == path), "{path} is missing");
        }
    }

    #[test]
    fn custom_options_are_kept() {
        // Field options of User.name: tag 50002 (varint), value true.
        let option = [0x90, 0xb5, 0x18, 0x01];
        assert!(
            DESCRIPTORS
                .windows(option.len())
                .any(|bytes| bytes == option)
        );
    }
}
