//! What the databases do by themselves.

use std::time::Instant;

use futures_util::future::try_join_all;
use muster_testkit::MariaDb;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, MySqlConnection};

use crate::failure::Failure;

/// As many as muster-tasks has.
pub(crate) const CONNECTIONS: u64 = 32;
const CONTENT: &str = "Water the plants on the balcony, and those in the hall as well.";
const TABLE: &str = "CREATE TABLE rows_only (
    id BIGINT AUTO_INCREMENT PRIMARY KEY, user_id BIGINT NOT NULL, status TINYINT NOT NULL DEFAULT 0,
    content TEXT NOT NULL, created_at_ms BIGINT NOT NULL, completed_at_ms BIGINT, version BIGINT NOT NULL DEFAULT 1,
    KEY of_user (user_id, id), KEY of_user_by_status (user_id, status, id), KEY by_status (status, id))";
const SQLITE_TABLE: &str = "CREATE TABLE rows_only (
    id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER NOT NULL, status INTEGER NOT NULL DEFAULT 0,
    content TEXT NOT NULL, created_at_ms INTEGER NOT NULL, completed_at_ms INTEGER, version INTEGER NOT NULL DEFAULT 1);
    CREATE INDEX of_user ON rows_only (user_id); CREATE INDEX of_user_by_status ON rows_only (user_id, status);
    CREATE INDEX by_status ON rows_only (status)";
const INSERT: &str = "INSERT INTO rows_only (user_id, content, created_at_ms) VALUES (?, ?, ?)";

/// A database with a table like that of tasks, and connections to it.
pub(crate) async fn connections(
    server: &MariaDb,
    database: &str,
) -> Result<Vec<MySqlConnection>, Failure> {
    let url = server.url(database).await;
    let mut connection = MySqlConnection::connect(&url).await?;
    sqlx::raw_sql(TABLE).execute(&mut connection).await?;
    let more = (0..CONNECTIONS).map(|_| MySqlConnection::connect(&url));
    Ok(try_join_all(more).await?)
}

/// One row, on disk.
pub(crate) async fn insert(connection: &mut MySqlConnection) -> Result<(), Failure> {
    let insert = sqlx::query(INSERT).bind(77).bind(CONTENT).bind(1_i64);
    insert.execute(connection).await?;
    Ok(())
}

/// Rows a second into a MariaDB.
pub(crate) async fn mariadb(count: u64) -> Result<f64, Failure> {
    let server = MariaDb::start().await;
    let connections = connections(&server, "bare").await?;
    let begin = Instant::now();
    let fill = connections.into_iter().map(async |mut connection| {
        for _ in 0..count / CONNECTIONS {
            insert(&mut connection).await?;
        }
        Ok::<_, Failure>(())
    });
    try_join_all(fill).await?;
    let rows = (count / CONNECTIONS * CONNECTIONS) as f64;
    Ok(rows / begin.elapsed().as_secs_f64())
}

/// Rows a second into SQLite, each in a commit of its own.
pub(crate) async fn sqlite(count: u64) -> Result<f64, Failure> {
    let folder = tempfile::tempdir()?;
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("bare.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let mut connection = options.connect().await?;
    sqlx::raw_sql(SQLITE_TABLE).execute(&mut connection).await?;
    let begin = Instant::now();
    for _ in 0..count {
        let insert = sqlx::query(INSERT).bind(77).bind(CONTENT).bind(1_i64);
        insert.execute(&mut connection).await?;
    }
    Ok(count as f64 / begin.elapsed().as_secs_f64())
}
