-- An id is never given again, even if the newest task is deleted: InnoDB keeps the counter on disk.
CREATE TABLE IF NOT EXISTS tasks (
    id BIGINT NOT NULL AUTO_INCREMENT,
    user_id BIGINT NOT NULL CHECK (user_id >= 1),
    -- 0 open, 1 completed.
    status TINYINT NOT NULL DEFAULT 0 CHECK (status IN (0, 1)),
    content TEXT NOT NULL,
    -- Milliseconds since the Unix epoch.
    created_at_ms BIGINT NOT NULL,
    completed_at_ms BIGINT,
    -- One more after each change.
    version BIGINT NOT NULL DEFAULT 1,
    PRIMARY KEY (id),
    -- Each ends with the id, by which all lists are ordered.
    KEY tasks_of_user (user_id, id),
    KEY tasks_of_user_by_status (user_id, status, id),
    KEY tasks_by_status (status, id),
    CHECK ((status = 1) = (completed_at_ms IS NOT NULL))
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
