//! k8s/manifests: the chart as it is rendered by default, for `kubectl apply -k`.

use std::fs;

use serde_json::{Value, json};

use crate::chart::workloads;
use crate::helm::{documents, template_alone};
use crate::path;

/// What the chart would make at random, which no file can hold.
const VALUES: [&str; 1] = ["rabbitmq.secret=muster-rabbitmq"];

fn read(name: &str) -> String {
    fs::read_to_string(path("k8s/manifests").join(name)).unwrap()
}

#[tokio::test]
async fn they_are_what_the_chart_renders() {
    let rendered = template_alone(&VALUES).await.ok();
    let [value] = VALUES;
    assert!(
        read("muster.yaml") == rendered,
        "make it anew: helm template muster k8s/helm/muster --kube-version 1.30.0 --skip-tests --set {value} > k8s/manifests/muster.yaml"
    );
}

/// Every Secret and key that a variable is taken from.
fn secrets(workload: &Value) -> Vec<Value> {
    let variables = workload["spec"]["template"]["spec"]["containers"][0]["env"].as_array();
    let of = |variable: &Value| variable["valueFrom"]["secretKeyRef"].clone();
    let all = variables.into_iter().flatten().map(of);
    all.filter(Value::is_object).collect()
}

#[test]
fn kustomize_makes_the_secrets_that_they_name() {
    let kustomization: Value = serde_yaml_ng::from_str(&read("kustomization.yaml")).unwrap();
    assert_eq!(kustomization["resources"], json!(["muster.yaml"]));
    assert_eq!(
        kustomization["generatorOptions"]["disableNameSuffixHash"],
        true
    );
    let made = &kustomization["secretGenerator"][0];
    let literal = made["literals"][0].as_str().unwrap();
    let (key, password) = literal.split_once('=').unwrap();
    // It becomes part of a URL.
    assert!(password.chars().all(|one| one.is_ascii_alphanumeric()));
    let all = documents(&read("muster.yaml"));
    let named: Vec<Value> = workloads(&all).into_iter().flat_map(secrets).collect();
    assert_eq!(named.len(), 3, "tasks, the gateway and the broker");
    for secret in named {
        assert_eq!(secret, json!({"name": made["name"], "key": key}));
    }
}
