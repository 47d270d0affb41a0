//! The images as they ship, built from the Dockerfile and run by a real Docker engine: each alone, and the seven
//! services of docker-compose.yml together, with the scenarios of the suite.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod alone;
mod archives;
mod compose;
mod images;
mod site;
mod sizes;
mod together;

use muster_testkit::{Docker, not_run};

/// The engine, or nothing after it is said that a test is not run for want of one.
async fn engine(test: &str) -> Option<&'static Docker> {
    match Docker::engine().await {
        Ok(docker) => Some(docker),
        Err(why) => {
            not_run(test, why);
            None
        }
    }
}
