//! What happened: a durable, idempotent event store.
