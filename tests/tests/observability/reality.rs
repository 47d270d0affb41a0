//! What a real run tells, held against the table.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use muster_testkit::{
    Etcd, Process, RabbitMq, Service, eventually, free_port, get, program, request,
};
use tokio::time::timeout;

use crate::exposition::{Family, families};
use crate::table::table;

const SOON: Duration = Duration::from_secs(30);
/// More series of one metric in one run come from a label that grows with what is done.
const MOST_SERIES: usize = 150;

/// All services in one process, and a second replica of presence, on a real etcd and a real broker.
struct Run {
    suite: Service,
    replica: Service,
    _etcd: Etcd,
    _broker: RabbitMq,
}

impl Run {
    async fn start() -> Run {
        let (etcd, broker) = tokio::join!(Etcd::start(), RabbitMq::start());
        let (etcd_at, bus) = (etcd.endpoint(), broker.url());
        // Where nobody takes traces: those that are lost are counted as well.
        let nowhere = format!("http://127.0.0.1:{}", free_port());
        let traced = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &*nowhere),
            ("OTEL_BSP_SCHEDULE_DELAY", "100"),
        ];
        let suite = Service::suite_with(&["--etcd", &etcd_at, "--bus", &bus], &traced).await;
        let replica = Service::start("muster-presence", &["--etcd", &etcd_at]).await;
        Run {
            suite,
            replica,
            _etcd: etcd,
            _broker: broker,
        }
    }

    /// Does something of everything, and goes on with some of it until the answer is dropped.
    async fn use_it(&self) -> [Process; 2] {
        let gateway = self.suite.addr_of("gateway");
        let events = format!("http://{gateway}/events?user_id=1");
        let subscriber = Process::tool("curl", &["-sN", &events]);
        let replica = self.replica.addr();
        let mut connect = program("muster");
        connect.args(["presence", "connect", "Albert", "--addr", &replica]);
        let online = Process::spawn(&mut connect);
        let calls = [
            (
                self.suite.addr_of("tasks"),
                "PATCH",
                "/tasks/1",
                r#"{"status":1}"#,
            ),
            (
                self.suite.addr_of("users"),
                "POST",
                "/create",
                r#"{"email":"test"}"#,
            ),
            (
                gateway,
                "POST",
                "/Scheduling.ConflictService/GetConflicts",
                "{}",
            ),
        ];
        for (addr, method, path, body) in calls {
            let (status, answer) = request(&addr, method, path, body).await.unwrap();
            assert_eq!(status, 200, "{path}: {answer}");
        }
        [subscriber, online]
    }

    /// What both processes tell together.
    async fn told(&self) -> Option<BTreeMap<String, Family>> {
        let mut all: BTreeMap<String, Family> = BTreeMap::new();
        for service in [&self.suite, &self.replica] {
            let (_, text) = get(&service.addr_of("admin"), "/metrics").await?;
            for (name, family) in families(&text) {
                let known = all.entry(name).or_insert_with(|| family.clone());
                known.series.extend(family.series);
            }
        }
        Some(all)
    }
}

/// The names of what is told.
fn names(told: &BTreeMap<String, Family>) -> BTreeSet<String> {
    let with_series = told.iter().filter(|(_, family)| !family.series.is_empty());
    with_series.map(|(name, _)| name.clone()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_table_of_metrics_is_what_a_run_tells() {
    let table = table();
    let expected: BTreeSet<String> = table.keys().cloned().collect();
    let run = Run::start().await;
    let _goes_on = run.use_it().await;
    let missing = Mutex::new(BTreeSet::new());
    let all_are_told = eventually(2 * SOON, async || {
        let told = names(&run.told().await?);
        *missing.lock().unwrap() = expected.difference(&told).cloned().collect();
        missing.lock().unwrap().is_empty().then_some(())
    });
    if timeout(SOON, all_are_told).await.is_err() {
        panic!("never told: {:?}", missing.lock().unwrap());
    }
    let told = run.told().await.unwrap();
    assert_eq!(names(&told), expected);
    for (name, family) in told {
        let row = &table[&name];
        assert_eq!(
            (&family.kind, &family.help),
            (&row.kind, &row.help),
            "{name}"
        );
        for series in &family.series {
            let labels: BTreeSet<String> = series.keys().cloned().collect();
            assert_eq!(labels, row.labels, "{name}{series:?}");
        }
        assert!(
            family.series.len() < MOST_SERIES,
            "{name}: {:?}",
            family.series
        );
    }
}
