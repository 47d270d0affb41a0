//! h2load, the load generator of nghttp2: lean, but it reads no answers, so what it counts is checked against what the
//! server has stored.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tempfile::NamedTempFile;
use tokio::process::Command;

use crate::failure::Failure;

/// One request, again and again.
pub(crate) struct Post {
    pub(crate) url: String,
    /// `name: value`
    pub(crate) headers: &'static [&'static str],
    pub(crate) body: Vec<u8>,
}

/// How many calls are under way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) connections: usize,
    pub(crate) streams_per_connection: usize,
}

/// Asks `count` times: how many requests a second succeeded.
pub(crate) async fn rate(post: &Post, load: Load, count: u64) -> Result<f64, Failure> {
    run(post, load, count, None).await
}

/// The same, one request at a time: how long each took.
pub(crate) async fn times(post: &Post, count: u64) -> Result<Vec<Duration>, Failure> {
    let alone = Load {
        connections: 1,
        streams_per_connection: 1,
    };
    let log = NamedTempFile::new()?;
    run(post, alone, count, Some(log.path())).await?;
    Ok(logged(&std::fs::read_to_string(log.path())?))
}

/// Asks, with a line of the log for each if there is one: it costs the generator time.
async fn run(post: &Post, load: Load, count: u64, log: Option<&Path>) -> Result<f64, Failure> {
    let mut body = NamedTempFile::new()?;
    body.write_all(&post.body)?;
    let mut command = Command::new("h2load");
    command.args(["-n", &count.to_string()]);
    command.args(["-c", &load.connections.to_string()]);
    command.args(["-m", &load.streams_per_connection.to_string()]);
    command.args(post.headers.iter().flat_map(|header| ["-H", header]));
    command.arg("-d").arg(body.path());
    command.args(log.map(|log| format!("--log-file={}", log.display())));
    command.arg(&post.url);
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await;
    let output = output.map_err(|cause| Failure::new(format!("h2load: {cause}")))?;
    succeeded(&String::from_utf8_lossy(&output.stdout), count)
}

/// `finished in 1.23s, 40650.40 req/s, …` and `requests: 50000 total, … 50000 succeeded, …`
fn succeeded(printed: &str, count: u64) -> Result<f64, Failure> {
    let before = |word: &str| {
        let (front, _) = printed.split_once(word)?;
        front.split_whitespace().last()?.parse::<f64>().ok()
    };
    match (before(" req/s"), before(" succeeded")) {
        (Some(rate), Some(succeeded)) if succeeded == count as f64 => Ok(rate),
        _ => Err(Failure::new(format!(
            "h2load: not {count} calls succeeded:\n{printed}"
        ))),
    }
}

/// Each line: the start of a call, its HTTP status, and how many microseconds it took.
fn logged(log: &str) -> Vec<Duration> {
    let took = |line: &str| line.split_whitespace().nth(2)?.parse().ok();
    log.lines()
        .filter_map(took)
        .map(Duration::from_micros)
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const PRINTED: &str = "\
finished in 125.60ms, 15923.57 req/s, 1.06MB/s
requests: 2000 total, 2000 started, 2000 done, 2000 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 2000 2xx, 0 3xx, 0 4xx, 0 5xx";

    #[test]
    fn the_rate_is_read_if_all_calls_succeeded() {
        assert_eq!(succeeded(PRINTED, 2_000).unwrap(), 15_923.57);
        assert!(succeeded(PRINTED, 2_001).is_err());
        assert!(succeeded("", 2_000).is_err());
    }

    #[test]
    fn the_log_tells_microseconds() {
        let log = "1795271000000000\t200\t341\n1795271000000400\t200\t1290\n";
        assert_eq!(logged(log), [341, 1_290].map(Duration::from_micros));
    }
}
