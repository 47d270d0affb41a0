//! `muster up`, driven by the programs that people use: grpcurl and curl.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use muster_testkit::{Process, Service, leeway, measured, program, report};
use muster_tests::scenarios::{self, Acknowledged, SERVICES};

const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn every_port_describes_itself_by_both_versions_of_reflection() {
    scenarios::every_port_describes_itself_by_both_versions_of_reflection(
        &Service::suite(&[]).await,
    )
    .await;
}

#[tokio::test]
async fn a_monitor_sees_albert_come_and_go_in_another_terminal() {
    scenarios::a_monitor_sees_albert_come_and_go_in_another_terminal(&Service::suite(&[]).await)
        .await;
}

#[tokio::test]
async fn users_and_who_watches_them_are_counted_at_metrics() {
    scenarios::users_and_who_watches_them_are_counted_at_metrics(&Service::suite(&[]).await).await;
}

#[tokio::test]
async fn events_are_stored_once_and_listed_in_order() {
    scenarios::events_are_stored_once_and_listed_in_order(&Service::suite(&[]).await).await;
}

#[tokio::test]
async fn a_mail_is_answered_with_a_uuid_and_becomes_a_file() {
    scenarios::a_mail_is_answered_with_a_uuid_and_leaves(&Service::suite(&[]).await).await;
}

#[tokio::test]
async fn the_conflicts_of_a_real_calendar_are_found() {
    scenarios::the_conflicts_of_a_real_calendar_are_found(&Service::suite(&[]).await).await;
}

#[tokio::test]
async fn a_created_user_is_welcomed_once() {
    scenarios::a_created_user_is_welcomed_once(&Service::suite(&[]).await).await;
}

#[tokio::test]
async fn a_page_of_a_foreign_origin_cannot_create_a_user() {
    scenarios::a_page_of_a_foreign_origin_cannot_create_a_user(&Service::suite(&[]).await).await;
}

#[tokio::test]
async fn bad_input_is_refused_with_its_field_and_the_next_call_is_served() {
    scenarios::bad_input_is_refused_with_its_field_and_the_next_call_is_served(
        &Service::suite(&[]).await,
    )
    .await;
}

#[tokio::test]
async fn a_completed_task_is_told_to_its_user() {
    scenarios::a_completed_task_is_told_to_its_user(&Service::suite(&[]).await).await;
}

/// As for one that runs in containers for long.
#[tokio::test]
async fn what_it_does_for_its_users_it_does_again_and_again() {
    let suite = Service::suite(&[]).await;
    scenarios::all(&suite).await;
    scenarios::all(&suite).await;
}

#[tokio::test]
async fn it_serves_within_half_a_second_and_idles_on_little() {
    // The table is printed when all services are SERVING.
    let folder = tempfile::tempdir().unwrap();
    let mut command = program("muster");
    command
        .current_dir(folder.path())
        .args(["up", "--admin", "127.0.0.1:0"]);
    for (name, _) in SERVICES {
        command.args([format!("--{name}-listen"), "127.0.0.1:0".to_owned()]);
    }
    let mut suite = Process::spawn(&mut command);
    measured(
        "from the start to SERVING",
        Duration::from_millis(500),
        || std::future::ready(suite.stdout().contains("muster is up").then_some(())),
    )
    .await;

    let busy_percent = suite.busy_over(Duration::from_secs(3)).await * 100.0;
    let resident_mib = suite.resident_bytes() / 1024 / 1024;
    let (busy, resident) = (
        format!("{busy_percent:.2} %"),
        format!("{resident_mib} MiB"),
    );
    report("of a core, idle", &busy, "1 %");
    report("of memory, idle", &resident, "64 MiB");
    assert!(resident_mib < 64, "{resident}");
    assert!(busy_percent < f64::from(leeway()), "{busy}");
    suite.sigint();
    assert!(suite.wait_exit(SOON).await.success());
}

#[tokio::test]
async fn started_again_it_has_everything_that_it_acknowledged() {
    let mut suite = Service::suite(&[]).await;
    let acknowledged = Acknowledged::by(&suite).await;
    assert!(suite.stop(SOON).await.success(), "a stop is a success");
    suite.restart().await;
    acknowledged.is_still_there(&suite).await;
    suite.restart().await; // by SIGKILL
    acknowledged.is_still_there(&suite).await;
}
