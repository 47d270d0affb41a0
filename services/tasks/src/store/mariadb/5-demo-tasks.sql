INSERT IGNORE INTO tasks (id, user_id, content, created_at_ms)
SELECT id, user_id, content, FLOOR(UNIX_TIMESTAMP(NOW(3)) * 1000)
FROM (
    SELECT 1 AS id, 1 AS user_id, 'Complete this task: set its status to 1' AS content
    UNION ALL SELECT 2, 1, 'Watch the page while you do'
    UNION ALL SELECT 3, 1, 'Create a task of your own'
    UNION ALL SELECT 4, 2, 'Water the plants'
    UNION ALL SELECT 5, 2, 'Call the landlord'
    UNION ALL SELECT 6, 3, 'Return the books'
) AS demo
