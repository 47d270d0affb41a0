//! The components that tests rely on do what tests rely on.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use muster_testkit::{Etcd, MariaDb, Process, RabbitMq, Smtp, eventually, find, free_port, run};

#[tokio::test]
async fn etcd_keeps_its_keys_through_a_kill_and_loses_them_only_on_request() {
    let mut etcd = Etcd::start().await;
    etcd.put("a/1", "one").await;
    etcd.put("a/2", "two").await;
    etcd.put("b", "other").await;
    let stored = BTreeMap::from([
        ("a/1".to_owned(), "one".to_owned()),
        ("a/2".to_owned(), "two".to_owned()),
    ]);
    assert_eq!(etcd.get_prefix("a/").await, stored);

    let before = etcd.endpoint();
    etcd.kill();
    etcd.restart().await;
    assert_eq!(etcd.get_prefix("a/").await, stored);

    etcd.restart_empty().await;
    assert_eq!(etcd.get_prefix("a/").await, BTreeMap::new());
    assert_eq!(etcd.endpoint(), before);
}

#[tokio::test]
async fn rabbitmq_keeps_what_is_durable_through_a_kill_and_its_disk_alarm_can_be_raised() {
    let mut broker = RabbitMq::start().await;
    let url = broker.url();
    assert_eq!(broker.messages_in("kept").await, None);
    let declare = "rabbit_amqqueue:declare(rabbit_misc:r(<<\"/\">>, queue, <<\"kept\">>), \
                   true, false, [], none, <<\"test\">>), ok.";
    broker.rabbitmqctl(&["eval", declare]).await;
    assert_eq!(broker.messages_in("kept").await, Some(0));

    broker.kill();
    broker.restart().await;
    assert_eq!(broker.messages_in("kept").await, Some(0));
    assert_eq!(broker.url(), url);

    broker.raise_disk_alarm().await;
    assert!(local_alarms(&broker).await.contains("disk"));
    broker.lift_disk_alarm().await;
    assert!(!local_alarms(&broker).await.contains("disk"));
}

async fn local_alarms(broker: &RabbitMq) -> String {
    let ask = "rabbit_alarm:get_local_alarms().";
    broker.rabbitmqctl(&["eval", ask]).await
}

#[tokio::test]
async fn mariadb_keeps_what_is_committed_through_a_kill() {
    let mut server = MariaDb::start().await;
    let url = server.url("shop").await;
    assert!(url.starts_with("mysql://root@127.0.0.1:"), "{url}");
    let fill = "CREATE TABLE shop.orders (id INT PRIMARY KEY); INSERT INTO shop.orders VALUES (7)";
    server.sql(fill).await;

    server.kill();
    server.restart().await;
    assert_eq!(server.sql("SELECT id FROM shop.orders").await, "7\n");
    assert_eq!(server.url("shop").await, url);
}

#[tokio::test]
async fn smtp_keeps_mails_and_its_port_through_an_outage() {
    let mut smtp = Smtp::start().await;
    assert!(mail(&smtp, "first").await);
    smtp.stop();
    assert!(
        !mail(&smtp, "lost").await,
        "a stopped server accepted a mail"
    );
    smtp.resume().await;
    assert!(mail(&smtp, "second").await);

    let mails = smtp.mails();
    assert_eq!(mails.len(), 2);
    assert!(
        mails[0].contains("first") && mails[1].contains("second"),
        "{mails:?}"
    );
    assert!(
        mails[0].contains("X-RcptTo: albert@localhost"),
        "{}",
        mails[0]
    );
}

async fn mail(smtp: &Smtp, text: &str) -> bool {
    let mut curl = tokio::process::Command::new(find("curl"));
    curl.args([
        "-sS",
        &smtp.url(),
        "--mail-from",
        "muster@localhost",
        "--mail-rcpt",
        "albert@localhost",
        "-T",
        "-",
    ]);
    run(&mut curl, &format!("Subject: test\r\n\r\n{text}\r\n"))
        .await
        .status
        .success()
}

#[tokio::test]
async fn a_process_is_gone_when_its_handle_is() {
    let process = Process::spawn(Command::new("sleep").arg("1000"));
    let entry = format!("/proc/{}", process.pid());
    assert!(std::fs::exists(&entry).unwrap());
    assert!(process.resident_bytes() > 0);
    drop(process);
    assert!(!std::fs::exists(&entry).unwrap());
}

#[tokio::test]
async fn a_process_can_be_asked_to_stop_and_says_how_it_ended() {
    let script = "trap 'echo bye; exit 7' TERM; echo up; while :; do sleep 0.01; done";
    let mut process = Process::spawn(Command::new("sh").args(["-c", script]));
    eventually(Duration::from_secs(10), || async {
        process.stdout().contains("up").then_some(())
    })
    .await;
    assert_eq!(process.ended(), None);
    process.sigterm();
    assert_eq!(
        process.wait_exit(Duration::from_secs(10)).await.code(),
        Some(7)
    );
    assert_eq!(process.stdout(), "up\nbye\n");
}

#[test]
fn free_ports_differ() {
    let ports: Vec<u16> = (0..100).map(|_| free_port()).collect();
    let unique: std::collections::BTreeSet<_> = ports.iter().collect();
    assert_eq!(unique.len(), ports.len());
}

#[tokio::test]
#[should_panic(expected = "still not so")]
async fn waiting_ends_at_its_deadline_even_if_the_answer_never_comes() {
    eventually::<(), _, _>(Duration::from_millis(50), std::future::pending).await;
}
