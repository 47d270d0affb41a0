//! What the suite consists of: one list for all tests.

/// The services, by the names that they have in flags, in discovery and in what they print.
pub const SERVICES: [&str; 7] = [
    "presence",
    "activity",
    "notificator",
    "users",
    "conflicts",
    "tasks",
    "gateway",
];

/// The binaries that ship: the suite in one process, and one for each service.
pub const BINARIES: [&str; 8] = [
    "muster",
    "muster-presence",
    "muster-activity",
    "muster-notificator",
    "muster-users",
    "muster-conflicts",
    "muster-tasks",
    "muster-gateway",
];

/// The names by which each of them answers as grpc-health-probe does.
pub const PROBES: [&str; 2] = ["grpc-health-probe", "grpc_health_probe"];
