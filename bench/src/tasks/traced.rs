//! What traces cost where a request is completed.

use std::time::Instant;

use crate::failure::Failure;
use crate::figure::Figure;
use crate::scale::Scale;
use crate::tasks::site::Tasks;
use crate::traced;

pub(super) const ABOUT: &str = "PATCH on SQLite, 64 under way, each request a span for a collector";

pub(super) async fn run(scale: Scale) -> Result<Vec<Figure>, Failure> {
    let count = scale.created();
    // Each is created, then completed.
    traced::figures("PATCH", scale, 2 * count, async |environment| {
        let tasks = Tasks::on_sqlite_with(environment).await;
        tasks.create_all(count).await?;
        let begin = Instant::now();
        tasks.complete_all().await?;
        Ok((count as f64 / begin.elapsed().as_secs_f64(), tasks.service))
    })
    .await
}
