-- Tasks that were completed, each as it was then, of which the bus does not know yet.
CREATE TABLE IF NOT EXISTS outbox (
    -- Of one task the order in which it was completed: its row is locked from before this is given until all can see it.
    position BIGINT NOT NULL AUTO_INCREMENT,
    -- Of the message: a UUID.
    id BINARY(16) NOT NULL,
    task_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    content TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    completed_at_ms BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (position)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
