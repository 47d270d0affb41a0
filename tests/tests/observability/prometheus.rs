//! A real Prometheus with our configuration.

use std::fs;
use std::time::Duration;

use muster_testkit::{Process, Service, eventually, find, free_port, get};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::dashboards::expressions;
use crate::{path, read};

const SOON: Duration = Duration::from_secs(20);

/// It scrapes the suite as it would scrape each of the services.
struct Prometheus {
    addr: String,
    _process: Process,
    _folder: TempDir,
}

impl Prometheus {
    async fn start(suite: &Service) -> Prometheus {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("prometheus.yaml");
        fs::write(&file, configuration(&suite.addr_of("admin"))).unwrap();
        let addr = format!("127.0.0.1:{}", free_port());
        let mut command = std::process::Command::new(find("prometheus"));
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ))
            .arg(format!("--web.listen-address={addr}"));
        let process = Process::spawn(&mut command);
        let prometheus = Prometheus {
            addr,
            _process: process,
            _folder: folder,
        };
        eventually(SOON, async || {
            let (status, _) = get(&prometheus.addr, "/-/ready").await?;
            (status == 200).then_some(())
        })
        .await;
        prometheus
    }

    /// The result of an expression; why there is none.
    async fn query(&self, expr: &str) -> Result<Vec<Value>, String> {
        let mut curl = Command::new(find("curl"));
        let url = format!("http://{}/api/v1/query", self.addr);
        let query = format!("query={expr}");
        let words = ["-s", "--get", "--data-urlencode", &query, &url];
        let answer = muster_testkit::run(curl.args(words), "").await.ok();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        match answer["data"]["result"].as_array() {
            Some(result) => Ok(result.clone()),
            None => Err(answer["error"].to_string()),
        }
    }
}

/// Ours, with one target in the place of all, which is scraped at once.
fn configuration(target: &str) -> String {
    let mut config: Value =
        serde_yaml_ng::from_str(&read("observability/prometheus.yaml")).unwrap();
    let alerts = path("k8s/helm/muster/files/alerts.yaml");
    config["rule_files"][0] = alerts.to_str().unwrap().into();
    config["global"]["scrape_interval"] = "1s".into();
    config["global"]["evaluation_interval"] = "1s".into();
    config["scrape_configs"][0]["static_configs"][0]["targets"] = [target].as_slice().into();
    serde_yaml_ng::to_string(&config).unwrap()
}

#[tokio::test]
async fn prometheus_scrapes_the_suite_and_answers_what_the_dashboards_ask() {
    let suite = Service::suite(&[]).await;
    let prometheus = Prometheus::start(&suite).await;
    // Rates need two scrapes.
    eventually(SOON, async || {
        let rates = prometheus
            .query("rate(process_cpu_seconds_total[1m])")
            .await;
        (!rates.ok()?.is_empty()).then_some(())
    })
    .await;
    let mut with_data = 0;
    for expr in expressions() {
        match prometheus.query(&expr).await {
            Ok(result) => with_data += usize::from(!result.is_empty()),
            Err(why) => panic!("{expr}: {why}"),
        }
    }
    // Some wait for what did not happen: a failed call, a registration in etcd.
    assert!(with_data > 60, "{with_data} have something to show");
    let firing = prometheus
        .query(r#"ALERTS{alertstate="firing"}"#)
        .await
        .unwrap();
    assert_eq!(firing, Vec::<Value>::new(), "nothing is wrong");
}

#[test]
fn every_target_of_compose_has_the_name_of_its_service() {
    let config: Value = serde_yaml_ng::from_str(&read("observability/prometheus.yaml")).unwrap();
    let job = &config["scrape_configs"][0];
    assert_eq!(job["job_name"], "muster", "as the alerts have it");
    assert_eq!(job["honor_labels"], true);
    let targets = job["static_configs"][0]["targets"].as_array().unwrap();
    let mut names: Vec<&str> = targets
        .iter()
        .map(|target| target.as_str().unwrap().strip_suffix(":8080").unwrap())
        .collect();
    names.sort_unstable();
    let mut services = muster_testkit::SERVICES;
    services.sort_unstable();
    assert_eq!(names, services);
    assert_eq!(job["relabel_configs"][0]["target_label"], "service");
}
