//! Waiting for a thing to happen, under a deadline. With [`Process::busy_over`](crate::Process::busy_over), the one place of the tests that sleeps.

use std::panic::Location;
use std::time::{Duration, Instant};

const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Asks again and again until the answer is `Some`, and returns what is in it.
///
/// # Panics
/// When `deadline` has passed without one; the message says where and after how long.
#[track_caller]
pub fn eventually<T, F, A>(deadline: Duration, ask: F) -> impl Future<Output = T>
where
    F: FnMut() -> A,
    A: Future<Output = Option<T>>,
{
    let caller = Location::caller();
    async move {
        match poll(deadline, ask).await {
            Ok((answer, _)) => answer,
            Err(took) => {
                panic!("still not so after {took:.2?} (deadline {deadline:?}), asked at {caller}")
            }
        }
    }
}

/// The answer and how long it took, or after how long there was none.
pub(crate) async fn poll<T, F, A>(deadline: Duration, mut ask: F) -> Result<(T, Duration), Duration>
where
    F: FnMut() -> A,
    A: Future<Output = Option<T>>,
{
    let start = Instant::now();
    loop {
        // An answer that itself never comes must not outlive the deadline either.
        let left = deadline.saturating_sub(start.elapsed()).max(POLL_INTERVAL);
        if let Ok(Some(answer)) = tokio::time::timeout(left, ask()).await {
            return Ok((answer, start.elapsed()));
        }
        if start.elapsed() >= deadline {
            return Err(start.elapsed());
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}
