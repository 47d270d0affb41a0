//! What the services of the chart need of others: etcd, RabbitMQ and MariaDB, of the chart's own or elsewhere.

use serde_json::{Value, json};

use crate::SERVICES;
use crate::chart::{container, env, kinds_and_names, manifest, pod, workload};
use crate::helm::{render, template};

const ELSEWHERE: [&str; 3] = [
    "rabbitmq.enabled=false",
    "rabbitmq.url.name=broker",
    "rabbitmq.url.key=url",
];

/// The kind and the name of every manifest that is about something.
fn about(all: &[Value], word: &str) -> Vec<String> {
    let names = kinds_and_names(all).into_iter();
    names.filter(|name| name.contains(word)).collect()
}

/// Where a variable comes from, as `secret/key`.
fn secret(workload: &Value, variable: &str) -> String {
    let of = &env(workload, variable).unwrap()["valueFrom"]["secretKeyRef"];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    text(&of["name"]) + "/" + &text(&of["key"])
}

/// The variables of a container, by their order.
fn position(workload: &Value, variable: &str) -> usize {
    let all = container(workload)["env"].as_array().unwrap();
    let found = all.iter().position(|one| one["name"] == variable);
    found.unwrap_or_else(|| panic!("there is no {variable}"))
}

#[tokio::test]
async fn an_etcd_that_is_there_already_is_used_instead_of_one_of_its_own() {
    let all = render(&[]).await;
    let own = env(workload(&all, "users"), "MUSTER_ETCD").unwrap();
    assert_eq!(own["value"], "muster-etcd:2379");
    let all = render(&[
        "etcd.enabled=false",
        "etcd.endpoints={etcd-0:2379,etcd-1:2379}",
    ])
    .await;
    let external = env(workload(&all, "users"), "MUSTER_ETCD").unwrap();
    assert_eq!(external["value"], "etcd-0:2379,etcd-1:2379");
    assert!(
        !kinds_and_names(&all)
            .iter()
            .any(|name| name.contains("etcd"))
    );
}

#[tokio::test]
async fn tasks_and_the_gateway_share_a_broker_of_their_own_and_nobody_else_has_it() {
    let all = render(&[]).await;
    for service in SERVICES {
        let workload = workload(&all, service.name);
        if !["tasks", "gateway"].contains(&service.name) {
            assert!(env(workload, "MUSTER_BUS").is_none(), "{}", service.name);
            continue;
        }
        let bus = &env(workload, "MUSTER_BUS").unwrap()["value"];
        assert_eq!(
            *bus,
            "amqp://muster:$(RABBITMQ_PASSWORD)@muster-rabbitmq:5672"
        );
        assert_eq!(
            secret(workload, "RABBITMQ_PASSWORD"),
            "muster-rabbitmq/password"
        );
        // A variable that refers to another must come after it.
        assert!(position(workload, "RABBITMQ_PASSWORD") < position(workload, "MUSTER_BUS"));
    }
    let broker = workload(&all, "rabbitmq");
    assert_eq!(
        env(broker, "RABBITMQ_DEFAULT_USER").unwrap()["value"],
        "muster"
    );
    assert_eq!(
        secret(broker, "RABBITMQ_DEFAULT_PASS"),
        "muster-rabbitmq/password"
    );
}

#[tokio::test]
async fn what_is_the_charts_own_is_one_pod_with_a_volume_that_is_reached_where_it_listens() {
    let all = render(&["mariadb.enabled=true"]).await;
    for (name, port, data) in [
        ("etcd", 2379, "/data"),
        ("mariadb", 3306, "/var/lib/mysql"),
        ("rabbitmq", 5672, "/var/lib/rabbitmq"),
    ] {
        let workload = workload(&all, name);
        assert_eq!(workload["kind"], "StatefulSet", "{name}");
        assert_eq!(workload["spec"]["replicas"], 1, "{name}");
        let claim = &workload["spec"]["volumeClaimTemplates"][0]["metadata"]["name"];
        let mounts = container(workload)["volumeMounts"].as_array().unwrap();
        assert_eq!(
            (&mounts[0]["name"], &mounts[0]["mountPath"]),
            (claim, &data.into())
        );
        // What else it writes to goes with the pod.
        let scratch = pod(workload)["volumes"].as_array().map_or(0, Vec::len);
        assert_eq!(mounts.len(), 1 + scratch, "{name}");
        let listens = &container(workload)["ports"][0];
        let reached = &manifest(&all, "Service", &format!("muster-{name}"))["spec"];
        assert_eq!(listens["containerPort"], port, "{name}");
        assert_eq!(reached["ports"][0]["port"], port, "{name}");
        assert_eq!(reached["ports"][0]["targetPort"], listens["name"]);
        assert_eq!(
            reached["selector"],
            workload["spec"]["selector"]["matchLabels"]
        );
        for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
            assert!(
                container(workload)[probe].is_object(),
                "{name} has no {probe}"
            );
        }
    }
}

#[tokio::test]
async fn a_password_of_the_charts_own_is_random_and_outlives_the_release() {
    let mut made = Vec::new();
    for _ in 0..2 {
        let all = render(&[]).await;
        let secret = manifest(&all, "Secret", "muster-rabbitmq");
        let policy = &secret["metadata"]["annotations"]["helm.sh/resource-policy"];
        assert_eq!(*policy, "keep", "the volume outlives it, too");
        made.push(secret["data"]["password"].as_str().unwrap().to_owned());
    }
    assert_ne!(made[0], made[1]);
    // 32 characters in base64.
    assert_eq!(made[0].len(), 44, "{}", made[0]);
}

/// For `helm template`, which cannot know what was made before.
#[tokio::test]
async fn with_passwords_that_are_named_two_renderings_are_the_same() {
    let values = [
        "rabbitmq.secret=broker",
        "mariadb.enabled=true",
        "mariadb.secret=database",
    ];
    let all = render(&values).await;
    assert_eq!(all, render(&values).await);
    assert_eq!(about(&all, "Secret "), Vec::<String>::new());
    let tasks = workload(&all, "tasks");
    assert_eq!(secret(tasks, "RABBITMQ_PASSWORD"), "broker/password");
    assert_eq!(secret(tasks, "MARIADB_PASSWORD"), "database/password");
    let broker = workload(&all, "rabbitmq");
    assert_eq!(secret(broker, "RABBITMQ_DEFAULT_PASS"), "broker/password");
    let database = workload(&all, "mariadb");
    assert_eq!(secret(database, "MARIADB_PASSWORD"), "database/password");
}

#[tokio::test]
async fn a_broker_that_is_there_already_is_used_instead_of_one_of_its_own() {
    let all = render(&ELSEWHERE).await;
    for service in ["tasks", "gateway"] {
        let workload = workload(&all, service);
        assert_eq!(secret(workload, "MUSTER_BUS"), "broker/url");
        assert!(env(workload, "RABBITMQ_PASSWORD").is_none());
    }
    assert_eq!(about(&all, "rabbitmq"), Vec::<String>::new());
}

#[tokio::test]
async fn without_a_broker_nobody_has_a_bus() {
    let all = render(&["rabbitmq.enabled=false"]).await;
    for service in SERVICES {
        assert!(env(workload(&all, service.name), "MUSTER_BUS").is_none());
    }
    assert_eq!(about(&all, "rabbitmq"), Vec::<String>::new());
}

#[tokio::test]
async fn what_nobody_uses_is_left_out() {
    let all = render(&[
        "mariadb.enabled=true",
        "services.tasks.enabled=false",
        "services.gateway.enabled=false",
    ])
    .await;
    assert_eq!(about(&all, "rabbitmq"), Vec::<String>::new());
    assert_eq!(about(&all, "mariadb"), Vec::<String>::new());
}

#[tokio::test]
async fn with_a_mariadb_tasks_keeps_nothing_itself_and_has_replicas() {
    for (values, replicas) in [
        (&["mariadb.enabled=true"][..], 2),
        (&["mariadb.enabled=true", "services.tasks.replicas=3"], 3),
        (&["mariadb.url.name=database", "mariadb.url.key=url"], 2),
    ] {
        let all = render(values).await;
        let tasks = workload(&all, "tasks");
        assert_eq!(tasks["kind"], "Deployment");
        let scaler = manifest(&all, "HorizontalPodAutoscaler", "muster-tasks");
        assert_eq!(scaler["spec"]["minReplicas"], replicas, "{values:?}");
        assert!(container(tasks)["volumeMounts"].is_null());
        assert!(tasks["spec"]["volumeClaimTemplates"].is_null());
    }
}

#[tokio::test]
async fn tasks_knows_the_account_of_the_mariadb() {
    let all = render(&["mariadb.enabled=true"]).await;
    let (tasks, mariadb) = (workload(&all, "tasks"), workload(&all, "mariadb"));
    let value = |name| env(mariadb, name).unwrap()["value"].as_str().unwrap();
    let (user, database) = (value("MARIADB_USER"), value("MARIADB_DATABASE"));
    let store = format!("mysql://{user}:$(MARIADB_PASSWORD)@muster-mariadb:3306/{database}");
    assert_eq!(env(tasks, "MUSTER_STORE").unwrap()["value"], store);
    for workload in [tasks, mariadb] {
        assert_eq!(
            secret(workload, "MARIADB_PASSWORD"),
            "muster-mariadb/password"
        );
    }
    assert!(position(tasks, "MARIADB_PASSWORD") < position(tasks, "MUSTER_STORE"));
    let all = render(&["mariadb.url.name=database", "mariadb.url.key=url"]).await;
    assert_eq!(
        secret(workload(&all, "tasks"), "MUSTER_STORE"),
        "database/url"
    );
    assert_eq!(about(&all, "mariadb"), Vec::<String>::new());
}

/// RabbitMQ keeps its data under the name of its node, which is that of the host where nothing else is said.
#[tokio::test]
async fn the_broker_finds_its_data_again_under_another_host_name() {
    let all = render(&[]).await;
    let node = env(workload(&all, "rabbitmq"), "RABBITMQ_NODENAME").unwrap();
    assert_eq!(
        *node,
        json!({"name": "RABBITMQ_NODENAME", "value": "rabbit@localhost"})
    );
}

/// Each of these would run for ever and never be ready, or not start at all; the words are what the refusal names.
const NEVER_READY: [(&[&str], &str); 5] = [
    (
        &["services.activity.enabled=false"],
        "services.activity.enabled",
    ),
    (
        &["etcd.enabled=false", "services.presence.enabled=false"],
        "services.gateway.env.MUSTER_STATIC",
    ),
    (
        &[
            "etcd.enabled=false",
            "services.presence.enabled=false",
            "services.gateway.env.MUSTER_STATIC=reactivity=muster-activity:50051",
        ],
        "services.gateway.env.MUSTER_STATIC",
    ),
    (
        &["services.users.env.MUSTER_STATIC=notificator=post:8082"],
        "services.users.env.MUSTER_STATIC",
    ),
    (
        &[
            "services.users.secrets.MUSTER_STATIC.name=peers",
            "services.users.secrets.MUSTER_STATIC.key=all",
        ],
        "services.users.env.MUSTER_STATIC",
    ),
];

/// What finds the same otherwise.
const READY: [&[&str]; 4] = [
    &[
        "services.activity.enabled=false",
        "etcd.enabled=false",
        "etcd.endpoints={etcd:2379}",
    ],
    &[
        "etcd.enabled=false",
        "services.presence.enabled=false",
        "services.gateway.env.MUSTER_STATIC=tasks=muster-tasks:3333\\,activity=muster-activity:50051",
    ],
    &[
        "etcd.enabled=false",
        "services.presence.secrets.MUSTER_STATIC.name=peers",
        "services.presence.secrets.MUSTER_STATIC.key=all",
        "services.gateway.secrets.MUSTER_STATIC.name=peers",
        "services.gateway.secrets.MUSTER_STATIC.key=all",
    ],
    &[
        "services.activity.enabled=false",
        "services.gateway.enabled=false",
    ],
];

#[tokio::test]
async fn what_would_never_be_ready_is_refused_with_what_it_lacks() {
    for (values, words) in NEVER_READY {
        let refused = template(values).await;
        assert!(!refused.status.success(), "{values:?} are accepted");
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
    for values in READY {
        template(values).await.ok();
    }
}
