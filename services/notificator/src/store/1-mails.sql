CREATE TABLE mails (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    -- A UUID, as text. Kept for good, so that a mail of the same key is known as the same.
    id TEXT NOT NULL UNIQUE,
    -- What the mail said: two mails of one id are the same if their digests are.
    digest TEXT NOT NULL,
    recipient TEXT NOT NULL,
    subject TEXT NOT NULL,
    -- Empty once it is delivered, or was refused long ago: what is not needed is not kept.
    content TEXT NOT NULL,
    -- 0 queued, 1 delivered, 2 failed for good.
    state INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    last_error TEXT NOT NULL DEFAULT '',
    -- Nanoseconds since the Unix epoch.
    created_at_ns INTEGER NOT NULL,
    -- When delivery is to be tried, in nanoseconds by a clock that starts when the store is
    -- opened (wall clocks jump); every opening sets it to 0.
    due_ns INTEGER NOT NULL
) STRICT;

CREATE INDEX mails_due ON mails (due_ns, number) WHERE state = 0;
CREATE INDEX mails_refused ON mails (number) WHERE state = 2 AND content <> '';
