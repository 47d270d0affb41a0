//! Bringing a schema to today's, step by step.
//!
//! Each step is one statement and is noted with it in one transaction. A statement that changes tables commits by
//! itself, before it is noted: so each step must be one that does no harm when it is done again (`CREATE TABLE IF NOT
//! EXISTS`), after a kill or by a process that started at the same time. Of two processes that write the rows of one
//! step the second fails to note it, and its rows are undone.

use sqlx::{Connection, MySqlConnection, SqlSafeStr};

use super::failure::{Failure, is_conflict};

/// How often a step is tried that another process is in the way of.
const ATTEMPTS: usize = 20;

const CREATE_NOTES: &str = "CREATE TABLE IF NOT EXISTS muster_steps (
    service VARBINARY(32) NOT NULL,
    number INT NOT NULL,
    name VARCHAR(100) NOT NULL,
    PRIMARY KEY (service, number)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";

/// The schema of a service, whose tables may lie beside those of others in one database.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    /// The service.
    pub service: &'static str,
    /// The steps, by name, in their order: one statement each, that does no harm when it is done again. None is ever
    /// changed once it was released.
    pub steps: &'static [(&'static str, &'static str)],
}

impl Schema {
    /// Does the steps that are not noted yet.
    pub(super) async fn bring(&self, connection: &mut MySqlConnection) -> Result<(), Failure> {
        sqlx::raw_sql(CREATE_NOTES)
            .execute(&mut *connection)
            .await?;
        let (version, newest) = (self.version(connection).await?, self.steps.len());
        let done = usize::try_from(version).unwrap_or_default();
        if done > newest {
            return Err(Failure::Newer { version, newest });
        }
        for (number, step) in (1_i64..).zip(self.steps).skip(done) {
            self.take(connection, number, step).await?;
        }
        Ok(())
    }

    /// A write that changes nothing, and that no server takes that does not write.
    pub(super) async fn touch(&self, connection: &mut MySqlConnection) -> Result<(), Failure> {
        let touch = sqlx::query("UPDATE muster_steps SET name = name WHERE service = ?");
        touch.bind(self.service).execute(connection).await?;
        Ok(())
    }

    async fn version(&self, connection: &mut MySqlConnection) -> Result<i64, sqlx::Error> {
        let version =
            "SELECT CAST(COALESCE(MAX(number), 0) AS SIGNED) FROM muster_steps WHERE service = ?";
        let version = sqlx::query_scalar(version).bind(self.service);
        version.fetch_one(connection).await
    }

    /// Takes a step, unless another process has.
    async fn take(
        &self,
        connection: &mut MySqlConnection,
        number: i64,
        step: &(&'static str, &'static str),
    ) -> Result<(), Failure> {
        for _ in 1..ATTEMPTS {
            match self.try_step(connection, number, step).await {
                Err(error) if is_conflict(&error) => {}
                taken => return Ok(taken?),
            }
            if self.version(connection).await? >= number {
                return Ok(());
            }
        }
        Ok(self.try_step(connection, number, step).await?)
    }

    async fn try_step(
        &self,
        connection: &mut MySqlConnection,
        number: i64,
        (name, sql): &(&'static str, &'static str),
    ) -> Result<(), sqlx::Error> {
        let mut transaction = connection.begin().await?;
        sqlx::raw_sql(sql.into_sql_str())
            .execute(&mut *transaction)
            .await?;
        sqlx::query("INSERT INTO muster_steps (service, number, name) VALUES (?, ?, ?)")
            .bind(self.service)
            .bind(number)
            .bind(*name)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await
    }
}
