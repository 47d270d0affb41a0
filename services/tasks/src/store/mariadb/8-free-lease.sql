INSERT IGNORE INTO relay_lease (id, owner, ends_at) VALUES (1, REPEAT('\0', 16), '2000-01-01')
