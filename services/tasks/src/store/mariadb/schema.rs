//! The steps to today's schema.

use muster_kit::store::mariadb::Schema;

/// None of them is ever changed once it was released.
pub(super) const SCHEMA: Schema = Schema {
    service: "tasks",
    steps: &[
        ("users", include_str!("1-users.sql")),
        ("tasks", include_str!("2-tasks.sql")),
        ("idempotency keys", include_str!("3-idempotency-keys.sql")),
        ("demo users", include_str!("4-demo-users.sql")),
        ("demo tasks", include_str!("5-demo-tasks.sql")),
        ("outbox", include_str!("6-outbox.sql")),
        ("relay lease", include_str!("7-relay-lease.sql")),
        ("free lease", include_str!("8-free-lease.sql")),
        ("outbox trace", include_str!("9-outbox-trace.sql")),
    ],
};
