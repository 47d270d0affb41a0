//! Which of the processes empties the outbox. A lease that ends by the server's clock, and no lock of the server: those
//! do not hold across the servers of a cluster.

use std::time::Duration;

use muster_kit::store::mariadb::Work;
use sqlx::MySqlConnection;
use uuid::Uuid;

/// Takes the lease, or makes it last longer, unless another one has it: whether this one has it.
pub(super) struct TakeLease {
    pub(super) owner: Uuid,
    pub(super) lease: Duration,
}

/// Lets another one take it at once.
pub(super) struct ReleaseLease {
    pub(super) owner: Uuid,
}

impl Work for TakeLease {
    type Done = bool;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<bool, sqlx::Error> {
        let lease_us = i64::try_from(self.lease.as_micros()).unwrap_or(i64::MAX);
        let taken = sqlx::query(
            "UPDATE relay_lease SET owner = ?, ends_at = NOW(3) + INTERVAL ? MICROSECOND
             WHERE id = 1 AND (owner = ? OR ends_at < NOW(3))",
        )
        .bind(self.owner)
        .bind(lease_us)
        .bind(self.owner)
        .execute(connection)
        .await?;
        Ok(taken.rows_affected() == 1)
    }
}

impl Work for ReleaseLease {
    type Done = ();

    async fn run(&self, connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
        let released = sqlx::query(
            "UPDATE relay_lease SET ends_at = NOW(3) - INTERVAL 1 SECOND WHERE id = 1 AND owner = ?",
        );
        released
            .bind(self.owner)
            .execute(connection)
            .await
            .map(drop)
    }
}
