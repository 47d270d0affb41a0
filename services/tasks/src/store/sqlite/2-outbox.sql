-- Tasks that were completed, each as it was then, of which the bus does not know yet.
CREATE TABLE outbox (
    -- The order in which they were.
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    -- Of the message: a UUID.
    id BLOB NOT NULL,
    task_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    content TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    completed_at_ms INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT;
