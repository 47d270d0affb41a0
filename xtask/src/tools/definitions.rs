//! The definitions (CustomResourceDefinitions) of the kinds that the chart uses and Kubernetes does not have by itself.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::cache::Cache;
use crate::command::{printed, run};

/// The go.mod that pins the modules in which they lie.
pub(super) const MODULE: &str = "tools/crds";
const GATEWAY: &str = "sigs.k8s.io/gateway-api";
const PROMETHEUS: &str = "github.com/prometheus-operator/prometheus-operator";
const CERT_MANAGER: &str = "github.com/cert-manager/cert-manager";
/// Each kind, its module, and its file there.
const KINDS: [(&str, &str, &str); 5] = [
    (
        "GRPCRoute",
        GATEWAY,
        "config/crd/standard/gateway.networking.k8s.io_grpcroutes.yaml",
    ),
    (
        "HTTPRoute",
        GATEWAY,
        "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml",
    ),
    (
        "PodMonitor",
        PROMETHEUS,
        "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml",
    ),
    (
        "PrometheusRule",
        PROMETHEUS,
        "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
    ),
    (
        "Certificate",
        CERT_MANAGER,
        "deploy/crds/cert-manager.io_certificates.yaml",
    ),
];

/// Fetches the modules, and puts each definition beside the tools as `<kind>.yaml`.
pub(super) fn install(cache: &Cache) -> Result<(), String> {
    let go = |words: &[&str]| {
        let mut go = Command::new("go");
        go.args(words).current_dir(MODULE);
        go
    };
    run(&mut go(&[
        "mod",
        "download",
        GATEWAY,
        PROMETHEUS,
        CERT_MANAGER,
    ]))?;
    for (kind, module, file) in KINDS {
        let folder = printed(&mut go(&["list", "-m", "-f", "{{.Dir}}", module]))?;
        let from = Path::new(folder.trim()).join(file);
        // A copy: what Go keeps can be read only, and goes with `go clean`.
        let text = fs::read(&from).map_err(|cause| format!("{}: {cause}", from.display()))?;
        let to = cache.bin().join(format!("{kind}.yaml"));
        fs::write(&to, text).map_err(|cause| format!("{}: {cause}", to.display()))?;
    }
    Ok(())
}
