//! Creating tasks.

use muster_testkit::MariaDb;

use crate::failure::Failure;
use crate::figure::{Figure, Target, Unit};
use crate::h2load::{self, Load};
use crate::scale::Scale;
use crate::tasks::bare;
use crate::tasks::site::Tasks;
use crate::workload::in_turn;

pub(super) const ABOUT: &str = "POST /tasks, 64 in flight, each acknowledged on disk";

const LOAD: Load = Load {
    connections: 4,
    streams_per_connection: 16,
};
const LEAST: f64 = 3_000.0;
/// A bare loop in SQLite is one commit after the other: fewer rows tell as much.
const BARE_SHARE: u64 = 5;

#[derive(Clone, Copy)]
enum Subject {
    OnMariaDb,
    BareMariaDb,
    OnSqlite,
    BareSqlite,
}

pub(super) async fn run(scale: Scale) -> Result<Vec<Figure>, Failure> {
    use Subject::{BareMariaDb, BareSqlite, OnMariaDb, OnSqlite};
    let count = scale.created();
    let subjects = [OnMariaDb, BareMariaDb, OnSqlite, BareSqlite];
    let measure = async |subject| match subject {
        OnMariaDb => on_mariadb(count).await,
        BareMariaDb => bare::mariadb(count).await,
        OnSqlite => created(&Tasks::on_sqlite().await, count).await,
        BareSqlite => bare::sqlite(count / BARE_SHARE).await,
    };
    let [mariadb, bare_mariadb, sqlite, bare_sqlite] =
        in_turn(scale.rounds(), subjects, measure).await?;
    let figure = |what, measured| Figure::new(what, Unit::PerSecond, measured);
    Ok(vec![
        figure("tasks on MariaDB", &mariadb)
            .beside("bare INSERT, 32 connections", &bare_mariadb)
            .target(Target::AtLeast(LEAST)),
        figure("tasks on SQLite", &sqlite)
            .beside("bare INSERT, one connection", &bare_sqlite)
            .target(Target::AtLeast(LEAST)),
    ])
}

async fn on_mariadb(count: u64) -> Result<f64, Failure> {
    let server = MariaDb::start().await;
    created(&Tasks::on_mariadb(&server, "tasks", None).await, count).await
}

async fn created(tasks: &Tasks, count: u64) -> Result<f64, Failure> {
    let rate = h2load::rate(&tasks.create(), LOAD, count).await?;
    Failure::unless_all(tasks.ids().await?.len() as u64, count)?;
    Ok(rate)
}
