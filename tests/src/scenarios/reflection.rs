//! Programs that have no proto file.

use muster_testkit::grpcurl;
use serde_json::json;

use super::activity::ACTIVITY;
use super::presence::PRESENCE;
use crate::{Suite, call};

/// A gRPC service of each port.
pub const SERVICES: [(&str, &str); 7] = [
    ("presence", PRESENCE),
    ("activity", ACTIVITY),
    ("notificator", "pb.Notificator"),
    ("users", "muster.users.v1.UsersService"),
    ("conflicts", "Scheduling.ConflictService"),
    ("tasks", "muster.tasks.v1.TasksService"),
    ("gateway", "grpc.health.v1.Health"),
];

/// # Panics
/// When one does not.
pub async fn every_port_describes_itself_by_both_versions_of_reflection(suite: &impl Suite) {
    assert_eq!(SERVICES.map(|(name, _)| name), muster_testkit::SERVICES);
    for (name, service) in SERVICES {
        let addr = suite.addr_of(name);
        let list = grpcurl(&["-plaintext", &addr, "list"], "").await.ok();
        for expected in [
            service,
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection",
        ] {
            assert!(
                list.lines().any(|line| line == expected),
                "{name} lists\n{list}"
            );
        }
        let described = grpcurl(&["-plaintext", &addr, "describe", service], "")
            .await
            .ok();
        assert!(
            described.contains(&format!("{service} is a service")),
            "{described}"
        );

        // grpcurl itself asks v1 where that is served; the older one is asked by hand.
        let info = "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
        let list = call(&addr, info, &json!({ "listServices": "" })).await;
        let listed = list["listServicesResponse"]["service"].as_array().unwrap();
        assert!(listed.contains(&json!({ "name": service })), "{list}");
        let file = call(&addr, info, &json!({ "fileContainingSymbol": service })).await;
        let files = file["fileDescriptorResponse"]["fileDescriptorProto"]
            .as_array()
            .unwrap();
        assert!(!files.is_empty(), "{file}");
    }
}
