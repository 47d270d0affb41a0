-- Which of the processes empties the outbox, and until when: one row.
CREATE TABLE IF NOT EXISTS relay_lease (
    id TINYINT NOT NULL,
    owner BINARY(16) NOT NULL,
    ends_at DATETIME(3) NOT NULL,
    PRIMARY KEY (id)
) ENGINE = InnoDB
