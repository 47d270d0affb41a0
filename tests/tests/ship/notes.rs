//! NOTES.txt of the chart: what Helm prints once all is installed.

use std::fs;
use std::path::Path;

use crate::chart::{documents, manifest, template_of};
use crate::path;

fn copy(from: &Path, to: &Path) {
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

/// The notes as Helm renders them. It does so only for an installation, hence the manifest around them.
async fn notes(values: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    copy(&path("k8s/helm/muster"), folder.path());
    let carrier = "kind: Notes
metadata: {name: notes}
text: |{{ include \"muster/templates/NOTES.txt\" . | nindent 2 }}
";
    fs::write(folder.path().join("templates/carrier.yaml"), carrier).unwrap();
    let rendered = template_of(folder.path(), values).await.ok();
    let all = documents(&rendered);
    manifest(&all, "Notes", "notes")["text"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn the_page_is_named_with_the_way_to_it() {
    let notes = notes(&[]).await;
    let forward = "kubectl -n default port-forward svc/muster-gateway 8181\n";
    assert!(notes.contains(forward), "{notes}");
    assert!(notes.contains("http://localhost:8181/index.html?user_id=1"));
}

#[tokio::test]
async fn who_installs_no_broker_is_told_what_waits_for_it() {
    let waits = "completed tasks wait";
    let none = notes(&["rabbitmq.enabled=false"]).await;
    assert!(none.contains(waits), "{none}");
    assert!(!notes(&[]).await.contains(waits));
    let no_tasks = notes(&["rabbitmq.enabled=false", "services.tasks.enabled=false"]).await;
    assert!(!no_tasks.contains(waits));
}

#[tokio::test]
async fn notes_are_about_what_is_installed() {
    let notes = notes(&["services.gateway.enabled=false"]).await;
    assert!(!notes.contains("gateway"), "{notes}");
    assert!(notes.contains("svc/muster-tasks 3333"));
}
