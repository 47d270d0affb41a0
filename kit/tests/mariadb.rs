//! A store in a MariaDB that is killed, frozen, or not what was expected.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use muster_kit::Shutdown;
use muster_kit::health::Health;
use muster_kit::store::WriteError;
use muster_kit::store::mariadb::{MariaDb as Database, OpenError, Schema, Work};
use muster_testkit::{MariaDb, eventually, leeway};
use sqlx::MySqlConnection;

const SOON: Duration = Duration::from_secs(30);
/// What a piece of work may take, and a little for a busy machine.
const IN_TIME: Duration = Duration::from_secs(6);
const SCHEMA: Schema = Schema {
    service: "test",
    steps: &[
        (
            "rows",
            "CREATE TABLE IF NOT EXISTS numbers (id BIGINT PRIMARY KEY)",
        ),
        ("first row", "INSERT IGNORE INTO numbers (id) VALUES (1)"),
    ],
};

/// A row more; its id is taken only once.
struct Insert(i64);

impl Work for Insert {
    type Done = ();

    async fn run(&self, connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
        let insert = sqlx::query("INSERT INTO numbers (id) VALUES (?)").bind(self.0);
        insert.execute(connection).await.map(drop)
    }
}

/// An open database, checked in the background.
struct Opened {
    database: Arc<Database>,
    health: Health,
    _checking: tokio::task::JoinHandle<()>,
}

async fn open(url: &str) -> Result<Opened, OpenError> {
    let health = Health::default();
    let url = url.parse().unwrap();
    let database = Arc::new(Database::open(&url, SCHEMA, health.need("store")).await?);
    let checked = database.clone();
    let checking = tokio::spawn(async move { checked.keep_checked(&Shutdown::new()).await });
    Ok(Opened {
        database,
        health,
        _checking: checking,
    })
}

impl Opened {
    async fn insert(&self, id: i64) -> Result<(), WriteError> {
        self.database.run(Insert(id)).await
    }

    fn is_lost(&self) -> bool {
        let obstacles = self.health.obstacles();
        obstacles.iter().any(|line| line.starts_with("store"))
    }

    async fn wait_until(&self, is_lost: bool) {
        eventually(SOON, async || (self.is_lost() == is_lost).then_some(())).await;
    }
}

async fn numbers(server: &MariaDb) -> String {
    server.sql("SELECT id FROM shop.numbers ORDER BY id").await
}

#[tokio::test]
async fn a_step_that_was_taken_but_not_noted_before_a_kill_is_taken_again() {
    let server = MariaDb::start().await;
    let url = server.url("shop").await;
    server
        .sql("CREATE TABLE shop.numbers (id BIGINT PRIMARY KEY); INSERT INTO shop.numbers VALUES (1)")
        .await;
    let opened = open(&url).await.unwrap();
    assert!(!opened.is_lost());
    opened.insert(2).await.unwrap();
    let again = open(&url).await.unwrap();
    again.insert(3).await.unwrap();
    assert_eq!(numbers(&server).await, "1\n2\n3\n");
    let steps = server.sql("SELECT number, name FROM shop.muster_steps ORDER BY number");
    assert_eq!(steps.await, "1\trows\n2\tfirst row\n");
}

#[tokio::test]
async fn what_a_step_wrote_comes_not_back_after_it_was_deleted() {
    let server = MariaDb::start().await;
    let url = server.url("shop").await;
    open(&url).await.unwrap();
    server.sql("DELETE FROM shop.numbers").await;
    let (a, b) = tokio::join!(open(&url), open(&url));
    assert!(a.is_ok() && b.is_ok());
    assert_eq!(numbers(&server).await, "");
}

#[tokio::test]
async fn a_newer_schema_and_a_user_whom_the_server_refuses_are_told_without_the_password() {
    let server = MariaDb::start().await;
    let url = server.url("shop").await;
    open(&url).await.unwrap();
    server
        .sql("INSERT INTO shop.muster_steps VALUES ('test', 3, 'x'), ('other', 9, 'y')")
        .await;
    let newer = open(&url).await.err().unwrap().to_string();
    assert!(newer.ends_with("its schema is of version 3, this program knows 2: use a newer one"));
    let url = url.replace("root", "me:secret");
    let refused = open(&url).await.err().unwrap().to_string();
    assert!(refused.starts_with("mysql://me@127.0.0.1:"), "{refused}");
    assert!(
        refused.contains("Access denied") && !refused.contains("secret"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_password_of_any_signs_is_taken_and_never_printed() {
    let server = MariaDb::start().await;
    let url = server.url("shop").await;
    server
        .sql("CREATE USER me@'%' IDENTIFIED BY 's:e@c%t'; GRANT ALL ON shop.* TO me@'%'")
        .await;
    let opened = open(&url.replace("root", "me:s:e@c%25t")).await.unwrap();
    opened.insert(2).await.unwrap();
    let printed = format!("{:?}", opened.database);
    assert!(printed.contains("mysql://me@127.0.0.1:"), "{printed}");
    assert!(!printed.contains("s:e@c"), "{printed}");
}

#[tokio::test]
async fn a_server_that_is_away_at_the_start_is_used_when_it_comes() {
    let mut server = MariaDb::start().await;
    let url = server.url("shop").await;
    server.kill();
    let opened = open(&url).await.unwrap();
    assert!(opened.is_lost());
    let refused = opened.insert(2).await.unwrap_err();
    assert!(matches!(refused, WriteError::Unavailable(_)), "{refused:?}");
    server.restart().await;
    opened.wait_until(false).await;
    opened.insert(2).await.unwrap();
    assert_eq!(numbers(&server).await, "1\n2\n");
}

#[tokio::test]
async fn a_server_that_is_killed_is_missed_at_once_and_used_again_when_it_is_back() {
    let mut server = MariaDb::start().await;
    let opened = open(&server.url("shop").await).await.unwrap();
    opened.insert(2).await.unwrap();
    server.kill();
    let refused = opened.insert(3).await.unwrap_err();
    assert!(matches!(refused, WriteError::Unavailable(_)), "{refused:?}");
    opened.wait_until(true).await;
    server.restart().await;
    opened.wait_until(false).await;
    opened.insert(3).await.unwrap();
    assert_eq!(numbers(&server).await, "1\n2\n3\n");
}

#[tokio::test]
async fn a_server_that_does_not_answer_holds_nobody_up_for_long() {
    let mut server = MariaDb::start().await;
    let opened = open(&server.url("shop").await).await.unwrap();
    opened.insert(2).await.unwrap();
    server.process().freeze();
    let asked = Instant::now();
    let refused = opened.insert(3).await.unwrap_err();
    assert!(matches!(refused, WriteError::Unavailable(_)), "{refused:?}");
    assert!(
        asked.elapsed() < IN_TIME * leeway(),
        "{:?}",
        asked.elapsed()
    );
    opened.wait_until(true).await;
    server.process().resume();
    opened.wait_until(false).await;
    opened.insert(4).await.unwrap();
}

#[tokio::test]
async fn a_connection_that_the_server_ended_costs_one_call_at_most() {
    let server = MariaDb::start().await;
    let opened = open(&server.url("shop").await).await.unwrap();
    opened.insert(2).await.unwrap();
    let kill =
        "SELECT CONCAT('KILL ', id, ';') FROM information_schema.processlist WHERE db = 'shop'";
    let kills = server.sql(kill).await;
    assert!(kills.starts_with("KILL"));
    server.sql(&kills).await;
    let _cut = opened.insert(3).await;
    opened.insert(4).await.unwrap();
    assert!(!opened.is_lost());
}

#[tokio::test]
async fn what_the_server_refuses_is_a_failure_and_the_connection_as_good_as_before() {
    let server = MariaDb::start().await;
    let opened = open(&server.url("shop").await).await.unwrap();
    let refused = opened.insert(1).await.unwrap_err();
    // A key that is taken: somebody was first.
    assert!(matches!(refused, WriteError::Busy), "{refused:?}");
    server.sql("DROP TABLE shop.numbers").await;
    let refused = opened.insert(2).await.unwrap_err();
    assert!(matches!(refused, WriteError::Failed(_)), "{refused:?}");
}
