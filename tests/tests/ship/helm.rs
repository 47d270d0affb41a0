//! The real Helm, of both versions that are in use.

use std::fs;
use std::path::Path;

use muster_testkit::{Output, find, run};
use serde_json::Value;
use tokio::process::Command;

use crate::path;
use crate::schemas::COMBINATIONS;

/// Helm 3 and Helm 4.
const HELMS: [&str; 2] = ["helm", "helm4"];

/// Manifests, as Helm renders them with values that are set as by `--set`.
pub(crate) async fn render(values: &[&str]) -> Vec<Value> {
    documents(&template(values).await.ok())
}

/// Manifests, out of one text.
pub(crate) fn documents(rendered: &str) -> Vec<Value> {
    let documents = rendered.split("\n---\n");
    documents
        // With the end of its last line, which may be part of a value.
        .map(|document| serde_yaml_ng::from_str(&format!("{document}\n")).unwrap())
        .collect()
}

/// The real `helm template`, of Helm 3.
pub(crate) async fn template(values: &[&str]) -> Output {
    template_of(&path("k8s/helm/muster"), values).await
}

/// The same without what `helm test` runs.
pub(crate) async fn template_alone(values: &[&str]) -> Output {
    run(
        helm_template("helm", "muster", "1.30.0", &path("k8s/helm/muster"), values)
            .arg("--skip-tests"),
        "",
    )
    .await
}

/// The same with values of a file.
pub(crate) async fn template_with(file: &Path) -> Output {
    let mut command = helm_template("helm", "muster", "1.30.0", &path("k8s/helm/muster"), &[]);
    run(command.arg("--values").arg(file), "").await
}

/// The same for a chart in another folder.
pub(crate) async fn template_of(chart: &Path, values: &[&str]) -> Output {
    template_by("helm", "1.30.0", chart, values).await
}

/// The same by one of both, for a Kubernetes of that version.
async fn template_by(helm: &str, kubernetes: &str, chart: &Path, values: &[&str]) -> Output {
    run(
        &mut helm_template(helm, "muster", kubernetes, chart, values),
        "",
    )
    .await
}

fn helm_template(
    helm: &str,
    release: &str,
    kubernetes: &str,
    chart: &Path,
    values: &[&str],
) -> Command {
    let mut command = Command::new(find(helm));
    command.args(["template", release]).arg(chart);
    command.args(["--kube-version", kubernetes]);
    for value in values {
        // By the other an empty list cannot be told.
        let set = if value.ends_with("[]") {
            "--set-json"
        } else {
            "--set"
        };
        command.args([set, value]);
    }
    command
}

/// Copies a folder with all that is in it: a chart to be changed.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test]
async fn helm_finds_nothing_to_complain_about() {
    for helm in HELMS {
        let mut lint = Command::new(find(helm));
        lint.args(["lint", "--strict"]).arg(path("k8s/helm/muster"));
        run(&mut lint, "").await.ok();
    }
}

/// They differ in empty lines, and in what is random.
#[tokio::test]
async fn helm_3_and_helm_4_render_the_same() {
    let chart = path("k8s/helm/muster");
    let same = |mut all: Vec<Value>| {
        all.retain(|one| one["kind"] != "Secret");
        all
    };
    for values in COMBINATIONS {
        let [three, four] =
            HELMS.map(|helm| async { template_by(helm, "1.37.0", &chart, values).await.ok() });
        let (three, four) = tokio::join!(three, four);
        assert_eq!(
            same(documents(&three)),
            same(documents(&four)),
            "{values:?}"
        );
    }
}

#[tokio::test]
async fn a_kubernetes_that_is_too_old_is_refused_and_a_newer_one_is_not() {
    for helm in HELMS {
        for (version, accepted) in [
            ("1.29.9", false),
            ("1.30.0", true),
            ("1.33.1-gke.100", true),
            ("1.37.9", true),
            // Whoever has it cannot wait for us.
            ("1.38.0", true),
        ] {
            let rendered = template_by(helm, version, &path("k8s/helm/muster"), &[]).await;
            assert_eq!(rendered.status.success(), accepted, "{helm} {version}");
        }
    }
}

/// Two in one namespace would take each other's objects otherwise, and some names may be no longer than that.
#[tokio::test]
async fn every_object_has_the_name_of_its_release_and_one_that_is_short_enough() {
    let release = "a-release-whose-name-is-as-long-as-helm-lets-it-be-ok";
    assert_eq!(release.len(), 53);
    for values in COMBINATIONS {
        let chart = path("k8s/helm/muster");
        let mut command = helm_template("helm", release, "1.37.0", &chart, values);
        let rendered = run(&mut command, "").await.ok();
        for one in documents(&rendered) {
            let name = one["metadata"]["name"].as_str().unwrap();
            // The pods of a StatefulSet carry its name and a hash in a label.
            let longest = if one["kind"] == "StatefulSet" { 52 } else { 63 };
            assert!(
                name.starts_with(&release[..39]) && name.len() <= longest,
                "{name}"
            );
        }
    }
}
