//! What the system knows about this process, under the names of Prometheus' own clients.
//!
//! Written here and not recorded: the recorder counts in whole numbers, and a second of a core is a long time.

use std::fmt::Write;
use std::fs;

use rustix::param::clock_ticks_per_second;
use rustix::process::{Resource, getrlimit};

use super::{Kind, METRICS};

/// Whether a metric is told here.
pub(super) fn tells(name: &str) -> bool {
    name.starts_with("process_")
}

/// What is known now, in Prometheus' text format; what is not known is left out.
pub(super) fn render(started_at_s: f64) -> String {
    let mut text = String::new();
    for metric in METRICS.iter().filter(|metric| tells(metric.name)) {
        let value = match metric.name {
            "process_cpu_seconds_total" => cpu_s(),
            "process_resident_memory_bytes" => resident_bytes(),
            "process_open_fds" => open_files(),
            "process_max_fds" => getrlimit(Resource::Nofile).current.map(|most| most as f64),
            _ => Some(started_at_s),
        };
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge | Kind::Histogram => "gauge",
        };
        if let Some(value) = value {
            let (name, help) = (metric.name, metric.help);
            let _infallible = write!(
                text,
                "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n\n"
            );
        }
    }
    text
}

/// The fields of `/proc/self/stat` behind the name of the program, which may have spaces: proc(5) counts this one 3.
fn stat() -> Option<Vec<String>> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

fn cpu_s() -> Option<f64> {
    let stat = stat()?;
    let ticks = |field: usize| stat.get(field - 3)?.parse::<u64>().ok();
    let (user, system) = (ticks(14)?, ticks(15)?);
    Some((user + system) as f64 / clock_ticks_per_second() as f64)
}

fn resident_bytes() -> Option<f64> {
    let text = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split_whitespace().nth(1)?.parse().ok()?;
    Some((pages * rustix::param::page_size() as u64) as f64)
}

fn open_files() -> Option<f64> {
    // The folder itself is open while it is read.
    let files = fs::read_dir("/proc/self/fd").ok()?.count();
    Some(files.saturating_sub(1) as f64)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The value of a metric.
    fn value(name: &str) -> f64 {
        let text = render(7.5);
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap().parse().unwrap()
    }

    #[test]
    fn a_process_knows_its_own_size() {
        assert!(value("process_cpu_seconds_total") >= 0.0);
        assert!(value("process_resident_memory_bytes") > 1e6);
        assert!(value("process_max_fds") >= value("process_open_fds"));
        assert!((value("process_start_time_seconds") - 7.5).abs() < 1e-9);
    }

    #[test]
    fn a_file_that_is_open_is_counted() {
        let before = value("process_open_fds");
        // Other tests open and close files as well: so many at once are only ours.
        let files: Vec<_> = (0..500)
            .map(|_| fs::File::open("/dev/null").unwrap())
            .collect();
        assert!(value("process_open_fds") >= before + 400.0);
        drop(files);
    }
}
