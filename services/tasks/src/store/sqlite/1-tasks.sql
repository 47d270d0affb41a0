-- For a look at: tasks may be of any user.
CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL
) STRICT;

CREATE TABLE tasks (
    -- AUTOINCREMENT: an id is never given again, even if the newest task is deleted.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL CHECK (user_id >= 1),
    -- 0 open, 1 completed.
    status INTEGER NOT NULL DEFAULT 0 CHECK (status IN (0, 1)),
    content TEXT NOT NULL,
    -- Milliseconds since the Unix epoch.
    created_at_ms INTEGER NOT NULL,
    completed_at_ms INTEGER,
    -- One more after each change.
    version INTEGER NOT NULL DEFAULT 1,
    CHECK ((status = 1) = (completed_at_ms IS NOT NULL))
) STRICT;

-- Each ends with the id, by which all lists are ordered.
CREATE INDEX tasks_of_user ON tasks (user_id);
CREATE INDEX tasks_of_user_by_status ON tasks (user_id, status);
CREATE INDEX tasks_by_status ON tasks (status);

-- With which key a task was created. A key outlives its task: a repeated request must not create
-- another one.
CREATE TABLE idempotency_keys (
    -- The order in which they came.
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    -- Of what the request said.
    digest BLOB NOT NULL,
    task_id INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL
) STRICT;

INSERT INTO users (id, name) VALUES (1, 'User 1'), (2, 'User 2'), (3, 'User 3');

INSERT INTO tasks (user_id, content, created_at_ms)
SELECT user_id, content, CAST(unixepoch('subsec') * 1000 AS INTEGER)
FROM (
    SELECT 1 AS user_id, 'Complete this task: set its status to 1' AS content
    UNION ALL SELECT 1, 'Watch the page while you do'
    UNION ALL SELECT 1, 'Create a task of your own'
    UNION ALL SELECT 2, 'Water the plants'
    UNION ALL SELECT 2, 'Call the landlord'
    UNION ALL SELECT 3, 'Return the books'
);
