//! `helm upgrade`: what a cluster does not let change stays as it is.

use serde_json::Value;

use crate::chart::{container, env, workload, workloads};
use crate::helm::render;

/// What of a workload cannot be changed once it is there.
fn fixed(workload: &Value) -> [&Value; 4] {
    let spec = &workload["spec"];
    [
        &workload["kind"],
        &spec["selector"],
        &spec["serviceName"],
        &spec["volumeClaimTemplates"],
    ]
}

#[tokio::test]
async fn another_version_or_other_settings_can_take_the_place_of_what_runs() {
    let before = render(&[]).await;
    for values in [
        &["image.tag=9.9.9"][..],
        &[
            "image.tag=9.9.9",
            "tls.enabled=true",
            "tls.existingSecret=certs",
        ],
        &[
            "drainSeconds=60",
            "probes.exec=true",
            "services.users.port=9000",
        ],
        &[
            "podLabels.team=collaboration",
            "nodeSelector.disk=ssd",
            "services.users.podLabels.tier=front",
        ],
        &[
            "networkPolicy.enabled=false",
            "services.gateway.autoscaling.enabled=false",
        ],
    ] {
        let after = render(values).await;
        assert_eq!(workloads(&before).len(), workloads(&after).len());
        for (old, new) in workloads(&before).into_iter().zip(workloads(&after)) {
            assert_eq!(old["metadata"]["name"], new["metadata"]["name"]);
            assert_eq!(fixed(old), fixed(new), "{values:?}");
        }
    }
}

/// Nothing restarts for the sake of another.
#[tokio::test]
async fn what_one_service_is_given_does_not_restart_another() {
    let before = render(&[]).await;
    let after = render(&["services.users.env.MUSTER_MAIL_DOMAIN=example.org"]).await;
    let domain = env(workload(&after, "users"), "MUSTER_MAIL_DOMAIN").unwrap();
    assert_eq!(domain["value"], "example.org");
    for (old, new) in workloads(&before).into_iter().zip(workloads(&after)) {
        let is_same = old["spec"]["template"] == new["spec"]["template"];
        assert_eq!(is_same, container(new)["name"] != "users");
    }
}
