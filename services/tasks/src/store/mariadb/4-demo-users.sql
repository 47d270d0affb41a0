INSERT IGNORE INTO users (id, name) VALUES (1, 'User 1'), (2, 'User 2'), (3, 'User 3')
