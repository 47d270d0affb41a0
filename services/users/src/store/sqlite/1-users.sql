CREATE TABLE users (
    -- AUTOINCREMENT: an id is never given again, even if the newest user is removed. A
    -- registration of a known address uses one up too, so that gaps do not tell who is known.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- In the spelling of the first registration.
    email TEXT NOT NULL,
    -- What makes two addresses the same.
    email_key TEXT NOT NULL UNIQUE,
    created_at_ns INTEGER NOT NULL
) STRICT;

CREATE TABLE outbox (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The key under which a notificator knows the mail, a UUID.
    id TEXT NOT NULL UNIQUE,
    recipient TEXT NOT NULL,
    content TEXT NOT NULL,
    created_at_ns INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    -- When it is to be offered, by a clock that starts when the store is opened (wall clocks
    -- jump); every opening sets it to 0.
    due_ns INTEGER NOT NULL DEFAULT 0,
    -- The notificator that may hold it.
    offered_to TEXT,
    -- Why nobody will ever take it; NULL for one that waits.
    refused TEXT
) STRICT;

CREATE INDEX outbox_due ON outbox (due_ns, number) WHERE refused IS NULL;

-- One row. A registration of a known address is a durable write as well, so that the time it
-- takes does not tell that the address is known.
CREATE TABLE repeats (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    count INTEGER NOT NULL
) STRICT;

INSERT INTO repeats (id, count) VALUES (1, 0);
