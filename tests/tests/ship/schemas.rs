//! What refuses a bad value, and a bad manifest.

use std::collections::BTreeSet;
use std::fs;

use muster_testkit::{Output, find, run};
use tokio::process::Command;

use crate::helm::{template, template_of};
use crate::monitoring::{ALERTS, ENABLED, chart_with};
use crate::path;

/// The oldest and the newest Kubernetes that the chart is for.
const VERSIONS: [&str; 2] = ["1.30", "1.37"];

/// Kinds that come with something installed into a cluster, and not with Kubernetes.
const EXTENSIONS: [&str; 5] = [
    "Certificate",
    "GRPCRoute",
    "HTTPRoute",
    "PodMonitor",
    "PrometheusRule",
];

/// Values that ought to be refused (the last one: replicas that cannot find each other), each with the word that the refusal names.
const TYPOS: [(&str, &str); 85] = [
    ("service.users.enabled=false", "service"),
    ("services.user.enabled=false", "user"),
    ("services.users.enable=false", "enable"),
    ("services.users.enabled=no", "enabled"),
    ("services.users.port=http", "port"),
    ("services.users.port=8080", "port"),
    ("services.users.replicas=2", "replicas"),
    ("services.users.storage.size=much", "size"),
    ("services.users.env.muster_store=x", "muster_store"),
    ("services.users.calls={postman}", "calls"),
    ("image.tga=1.0", "tga"),
    ("image.digest=sha256:0", "digest"),
    ("image.digests.users=sha256:0", "users"),
    (
        "image.digests.user=sha256:0000000000000000000000000000000000000000000000000000000000000000",
        "'user'",
    ),
    ("nodeSelektor.disk=ssd", "nodeSelektor"),
    ("nodeSelector=ssd", "nodeSelector"),
    ("nodeSelector.gpu=true", "nodeSelector"),
    ("tolerations=all", "tolerations"),
    ("tolerations[0].kye=dedicated", "kye"),
    ("tolerations[0].effect=NoRun", "effect"),
    ("affinity.podAntiAfinity.any=true", "podAntiAfinity"),
    ("priorityClassName=Very High", "priorityClassName"),
    ("podLabel.team=ours", "podLabel"),
    (
        "podLabels.app\\.kubernetes\\.io/component=ours",
        "podLabels",
    ),
    ("podAnnotations=ours", "podAnnotations"),
    ("serviceAccount.annotation.role=ours", "annotation"),
    ("services.users.nodeSelektor.disk=ssd", "nodeSelektor"),
    ("services.tasks.tolerations[0].kye=dedicated", "kye"),
    ("etcd.afinity.any=true", "afinity"),
    ("rabbitmq.podAnotations.note=ours", "podAnotations"),
    ("drainSeconds=0", "drainSeconds"),
    ("etcd.endpoints={etcd:2379}", "endpoints"),
    ("networkPolicy.enable=false", "enable"),
    ("rabbitmq.enable=false", "enable"),
    ("rabbitmq.enabled=maybe", "enabled"),
    ("rabbitmq.url.name=broker", "key"),
    ("rabbitmq.url=amqp://broker", "url"),
    ("rabbitmq.secret=two words", "secret"),
    ("rabbitmq.password=guest", "password"),
    ("rabbitmq.storage.size=1", "size"),
    ("rabbitmg.enabled=false", "rabbitmg"),
    ("mariadb.secret=database", "secret"),
    ("mariadb.url.key=url", "name"),
    ("mariadb.database=tasks", "database"),
    ("mysql.enabled=true", "mysql"),
    ("services.tasks.replicas=2", "replicas"),
    ("services.tasks.env.MUSTER_BUS=amqp://broker", "MUSTER_BUS"),
    ("services.gateway.webb=8181", "webb"),
    ("services.activity.autoscaling.enabled=true", "autoscaling"),
    ("services.gateway.autoscaling.maxReplicas=0", "maxReplicas"),
    ("services.gateway.autoscaling.cpu=lots", "cpu"),
    ("services.gateway.autoscaling.memory=lots", "memory"),
    ("services.gateway.autoscaling.memry=1Gi", "memry"),
    ("services.gateway.storage.size=1Gi", "storage"),
    ("services.tasks.web=8181", "web"),
    ("services.users.env.MUSTER_TLS_CERT=x", "MUSTER_TLS_CERT"),
    ("services.users.env.MUSTER_INSECURE=true", "MUSTER_INSECURE"),
    ("tls.enabled=true", "existingSecret"),
    ("tls.existingSecret=two words", "existingSecret"),
    ("tls.secret=certs", "secret"),
    ("tls.clientAuth=optional", "clientAuth"),
    ("tls.gatewayClientAth=true", "gatewayClientAth"),
    ("tls.certManager.enabled=true", "issuerRef"),
    ("tls.certManager.issuerRef.nmae=ca", "nmae"),
    ("probes.exec=grpc", "exec"),
    ("probes.exce=true", "exce"),
    ("podDisruptionBudget.maxUnavailable=0", "maxUnavailable"),
    ("podDisruptionBudget.minAvailable=1", "minAvailable"),
    ("topologySpread=zone", "topologySpread"),
    ("gke.http2=on", "http2"),
    ("gatewayApi.parents[0].name=public", "domain"),
    ("gatewayApi.parent=public", "parent"),
    ("gatewayApi.services={postman}", "services"),
    ("gatewayApi.service={users}", "service"),
    ("gatewayApi.domain=https://example.org", "domain"),
    ("ingress.enabled=true", "host"),
    ("ingress.class=nginx", "class"),
    ("telemetry.otlp.endpoint=collector:4317", "endpoint"),
    ("telemetry.otlp.sampler=sometimes", "sampler"),
    ("telemetry.otlp.samplerArg=2", "samplerArg"),
    ("telemetry.otel.endpoint=http://collector:4317", "otel"),
    ("monitoring.podMonitor.interval=often", "interval"),
    ("monitoring.serviceMonitor.enabled=true", "serviceMonitor"),
    ("monitoring.dashboards.enable=true", "enable"),
    (
        "etcd.enabled=false,services.gateway.enabled=false",
        "services.presence.replicas",
    ),
];

/// Values that make a difference to what is rendered.
pub(crate) const COMBINATIONS: [&[&str]; 19] = [
    &[],
    &[
        "services.presence.enabled=false",
        "services.notificator.enabled=false",
        "services.users.enabled=false",
        "services.conflicts.enabled=false",
        "services.tasks.enabled=false",
        "services.gateway.enabled=false",
        "etcd.enabled=false",
    ],
    &["etcd.enabled=false", "etcd.endpoints={etcd:2379}"],
    &[
        "etcd.enabled=false",
        "services.presence.replicas=1",
        "services.gateway.env.MUSTER_STATIC=activity=muster-activity:50051",
    ],
    &[
        "mariadb.enabled=true",
        "nodeSelector.disk=ssd",
        "tolerations[0].key=dedicated",
        "tolerations[0].operator=Exists",
        "tolerations[0].effect=NoExecute",
        "tolerations[0].tolerationSeconds=300",
        "affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight=1",
        "affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.topologyKey=zone",
        "priorityClassName=ordinary",
        "podLabels.team=ours",
        "podAnnotations.note=ours",
        "serviceAccount.annotations.role=muster",
        "services.users.priorityClassName=urgent",
        "etcd.podLabels.team=theirs",
    ],
    &[
        "image.digests.users=sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "gatewayApi.parents[0].name=public",
        "gatewayApi.domain=example.org",
        "gatewayApi.services={activity,conflicts,gateway,notificator,presence,tasks,users}",
    ],
    &[
        "image.pullSecrets={registry}",
        "services.users.storage.className=fast",
        "services.users.env.MUSTER_MAIL_DOMAIN=example.org",
        "services.notificator.secrets.MUSTER_SMTP.name=smtp",
        "services.notificator.secrets.MUSTER_SMTP.key=url",
        "services.notificator.egress[0].ports[0].port=587",
    ],
    &["networkPolicy.enabled=false", "mariadb.enabled=true"],
    &["networkPolicy.callers=[]", "networkPolicy.monitoring=[]"],
    &["mariadb.enabled=true", "services.tasks.replicas=3"],
    &["rabbitmq.enabled=false"],
    &[
        "rabbitmq.enabled=false",
        "rabbitmq.url.name=broker",
        "rabbitmq.url.key=url",
        "mariadb.url.name=database",
        "mariadb.url.key=url",
        "mariadb.url.port=3307",
    ],
    &["services.gateway.autoscaling.enabled=false"],
    &["podDisruptionBudget.enabled=false", "topologySpread=[]"],
    &["probes.exec=true", "gke.http2=true", "image.tag=1.2.3"],
    &["tls.enabled=true", "tls.existingSecret=certs"],
    &[
        "tls.enabled=true",
        "tls.clientAuth=false",
        "tls.certManager.enabled=true",
        "tls.certManager.issuerRef.name=our-ca",
        "mariadb.enabled=true",
    ],
    &[
        "gatewayApi.parents[0].name=public",
        "gatewayApi.domain=example.org",
        "ingress.enabled=true",
        "ingress.host=muster.example.org",
        "ingress.className=nginx",
        "ingress.tlsSecret=page",
        "ingress.annotations.note=ours",
    ],
    &[
        "telemetry.otlp.endpoint=http://collector:4317",
        "telemetry.otlp.sampler=parentbased_traceidratio",
        "telemetry.otlp.samplerArg=0.1",
        "monitoring.podMonitor.enabled=true",
        "monitoring.prometheusRule.enabled=true",
        "monitoring.dashboards.enabled=true",
        "monitoring.podMonitor.labels.release=prometheus",
    ],
];

/// The real kubernetes-validate, strict: it refuses fields that Kubernetes does not know.
async fn validate(manifests: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("manifests.yaml");
    fs::write(&file, manifests).unwrap();
    let mut validate = Command::new(find("kubernetes-validate"));
    validate.arg("--strict");
    for version in VERSIONS {
        validate.args(["-k", version]);
    }
    run(validate.arg(file), "").await
}

/// All that is rendered with any of the combinations, each manifest once.
async fn all_manifests() -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for values in COMBINATIONS {
        all.extend(manifests(&template(values).await.ok()));
    }
    all
}

/// The manifests of one rendering.
fn manifests(rendered: &str) -> Vec<String> {
    let rendered = rendered.trim_start_matches("---\n");
    rendered.split("\n---\n").map(str::to_owned).collect()
}

#[tokio::test]
async fn every_manifest_holds_against_the_oldest_and_the_newest_kubernetes() {
    let all = all_manifests().await.into_iter();
    let of_kubernetes: Vec<String> = all.filter(|one| !is_extension(one)).collect();
    let checked = validate(&of_kubernetes.join("\n---\n")).await;
    let report = checked.stderr.clone() + &checked.stdout;
    checked.ok();
    let passed = report.matches(" passed for resource ").count();
    assert_eq!(passed, of_kubernetes.len() * VERSIONS.len(), "{report}");
}

fn is_extension(manifest: &str) -> bool {
    let kind = |kind: &&str| manifest.contains(&format!("\nkind: {kind}\n"));
    EXTENSIONS.iter().any(kind)
}

#[tokio::test]
async fn every_manifest_of_another_kind_holds_against_its_definition() {
    let mut all = all_manifests().await;
    let alerts = chart_with(&[("alerts.yaml", ALERTS)]);
    let rendered = template_of(alerts.path(), &ENABLED).await.ok();
    all.extend(manifests(&rendered));
    all.retain(|one| is_extension(one));
    let all = Vec::from_iter(all);
    let passed = define(&all.join("\n---\n")).await.ok();
    assert_eq!(passed.matches("passed ").count(), all.len(), "{passed}");
    for kind in EXTENSIONS {
        assert!(passed.contains(&format!("passed {kind} ")), "{passed}");
    }
}

#[tokio::test]
async fn a_field_that_a_definition_does_not_know_is_refused() {
    for (values, field) in [
        (
            &["monitoring.podMonitor.enabled=true"][..],
            "podMetricsEndpoints",
        ),
        (
            &["gatewayApi.parents[0].name=a", "gatewayApi.domain=b"],
            "backendRefs",
        ),
    ] {
        let broken = template(values).await.ok().replace(field, "anything");
        let refused = define(&broken).await;
        assert!(!refused.status.success() && refused.stdout.contains("'anything'"));
    }
}

/// Holds manifests against the definitions of the kinds that are not Kubernetes' own.
async fn define(manifests: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("manifests.yaml");
    fs::write(&file, manifests).unwrap();
    // What the validator of the other kinds brings is all that this one needs.
    let validator = fs::canonicalize(find("kubernetes-validate")).unwrap();
    let mut define = Command::new(validator.with_file_name("python"));
    define
        .arg(path("tests/tests/ship/definitions.py"))
        .arg(file);
    define.args(EXTENSIONS.map(|kind| find(&format!("{kind}.yaml"))));
    run(&mut define, "").await
}

#[tokio::test]
async fn a_field_that_kubernetes_does_not_know_is_refused() {
    let manifests = template(&[]).await.ok();
    let broken = manifests.replace("serviceAccountName", "serviceAcountName");
    assert!(!validate(&broken).await.status.success());
}

#[tokio::test]
async fn a_typo_in_the_values_is_refused_by_name() {
    for (value, word) in TYPOS {
        let refused = template(&[value]).await;
        assert!(!refused.status.success(), "{value} is accepted");
        assert!(refused.stderr.contains(word), "{value}: {}", refused.stderr);
    }
}
