//! What is open. Whoever opens a method changes this list: it is a decision.

use std::collections::BTreeMap;

use muster_gateway::rpc::method::Methods;
use muster_gateway::services;

/// Whoever reaches the gateway may call these. What tells addresses of users or mails is not among them, nor what
/// removes, sends, or is meant for back ends alone.
const OPEN: [&str; 15] = [
    "/Scheduling.ConflictService/GetConflicts",
    "/activityevents.ActivityEvents/CreateEvent",
    "/muster.activity.v1.ActivityService/Append",
    "/muster.activity.v1.ActivityService/GetStats",
    "/muster.activity.v1.ActivityService/List",
    "/muster.activity.v1.ActivityService/Tail",
    "/muster.presence.v1.PresenceService/GetPresence",
    "/muster.presence.v1.PresenceService/ListOnline",
    "/muster.presence.v1.PresenceService/ListReplicas",
    "/muster.tasks.v1.TasksService/CreateTask",
    "/muster.tasks.v1.TasksService/DeleteTask",
    "/muster.tasks.v1.TasksService/GetTask",
    "/muster.tasks.v1.TasksService/ListTasks",
    "/muster.tasks.v1.TasksService/UpdateTask",
    "/muster.users.v1.UsersService/CreateUser",
];

#[test]
fn these_methods_are_open_and_no_others() {
    let methods = Methods::read().unwrap();
    let open: Vec<&str> = methods.open().map(|method| method.path.as_str()).collect();
    assert_eq!(open, OPEN);
}

#[test]
fn all_services_are_known_by_the_name_under_which_they_are_found() {
    let methods = Methods::read().unwrap();
    let served_by: BTreeMap<&str, &str> = methods
        .open()
        .map(|method| {
            let path = method.path.as_str();
            let (service, _) = path[1..].split_once('/').unwrap();
            (service, method.served_by.as_str())
        })
        .collect();
    let expected = [
        ("Scheduling.ConflictService", "conflicts"),
        ("activityevents.ActivityEvents", "activity"),
        ("muster.activity.v1.ActivityService", "activity"),
        ("muster.presence.v1.PresenceService", "presence"),
        ("muster.tasks.v1.TasksService", "tasks"),
        ("muster.users.v1.UsersService", "users"),
    ];
    assert_eq!(served_by, expected.into());
    let is_told = |name: &&str| services::NAMES.contains(name);
    assert!(served_by.values().all(is_told));
}

/// Those without an open method, too: they are answered in the same words.
#[test]
fn every_service_of_the_suite_has_its_routes() {
    let methods = Methods::read().unwrap();
    let mut services = methods.services().to_vec();
    services.sort();
    let expected = [
        "Scheduling.ConflictService",
        "activityevents.ActivityEvents",
        "cloudstate.samples.chat.presence.Presence",
        "muster.activity.v1.ActivityService",
        "muster.notificator.v1.NotificatorService",
        "muster.presence.v1.PresenceService",
        "muster.presence.v1.ReplicationService",
        "muster.tasks.v1.TasksService",
        "muster.users.v1.UsersService",
        "pb.Notificator",
    ];
    assert_eq!(services, expected);
}
