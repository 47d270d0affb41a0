-- With which key a task was created. A key outlives its task: a repeated request must not create another one.
CREATE TABLE IF NOT EXISTS idempotency_keys (
    -- The order in which they came.
    number BIGINT NOT NULL AUTO_INCREMENT,
    -- Bytes: a collation would take some keys for the same.
    idempotency_key VARBINARY(255) NOT NULL,
    -- Of what the request said.
    digest VARBINARY(32) NOT NULL,
    task_id BIGINT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (number),
    UNIQUE KEY idempotency_keys_by_key (idempotency_key)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
