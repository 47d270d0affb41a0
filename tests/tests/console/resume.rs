//! The page while the gateway comes and goes: each service is a process of its own here, with a real broker.

use muster_testkit::{Browser, RabbitMq, Service, curl, free_port};
use serde_json::Value;

use crate::looks::looks_right;
use crate::site::{SOON, are, has_text};

/// The services that a task passes on its way to the page.
struct Processes {
    _activity: Service,
    _presence: Service,
    tasks: Service,
    gateway: Service,
    web: String,
    _broker: RabbitMq,
}

impl Processes {
    async fn start() -> Processes {
        let broker = RabbitMq::start().await;
        let bus = broker.url();
        let carried = ["--bus", &bus];
        let (activity, presence, tasks) = tokio::join!(
            Service::start("muster-activity", &[]),
            Service::start("muster-presence", &[]),
            Service::start("muster-tasks", &carried),
        );
        let peers = format!(
            "activity={},presence={},tasks={}",
            activity.addr(),
            presence.addr(),
            tasks.addr()
        );
        // Where it comes back, for the page knows no other.
        let (listen, web) = (
            format!("127.0.0.1:{}", free_port()),
            format!("127.0.0.1:{}", free_port()),
        );
        let args = [
            "--bus", &bus, "--static", &peers, "--listen", &listen, "--web", &web,
        ];
        let gateway = Service::start("muster-gateway", &args).await;
        Processes {
            _activity: activity,
            _presence: presence,
            tasks,
            gateway,
            web,
            _broker: broker,
        }
    }

    /// Adds a task of user 4 and completes it.
    async fn complete_one(&self, content: &str) {
        let url = format!("http://{}/tasks", self.tasks.addr());
        let body = serde_json::json!({ "user_id": 4, "content": content }).to_string();
        let task: Value =
            serde_json::from_str(&curl(&["-f", &url, "-d", &body]).await.ok()).unwrap();
        let url = format!("{url}/{}", task["id"]);
        curl(&["-f", "-XPATCH", &url, "-d", r#"{"status":1}"#])
            .await
            .ok();
    }
}

#[tokio::test]
async fn a_page_misses_nothing_and_shows_nothing_twice_while_the_gateway_is_away() {
    let (mut processes, browser) = tokio::join!(Processes::start(), Browser::start());
    let page = browser.page().await;
    page.open(&format!("http://{}/index.html?user_id=4", processes.web))
        .await;
    page.until(&has_text("#connection", "Connected")).await;
    // Before anything has come at all, and then again behind what has come.
    for (round, how) in [(1, "killed"), (2, "stopped")] {
        match how {
            "killed" => processes.gateway.process().sigkill(),
            _ => assert!(processes.gateway.stop(SOON).await.success()),
        }
        page.until(&has_text("#connection", "Disconnected")).await;
        page.resize(320, 568).await;
        looks_right(&page, &format!("{how}-narrow")).await;
        let (meanwhile, later) = (format!("while it is {how}"), format!("after it was {how}"));
        processes.complete_one(&meanwhile).await;
        processes.gateway.restart().await;
        page.until(&has_text("#inbox-list > li:first-child", &meanwhile))
            .await;
        page.until(&has_text("#connection", "Connected")).await;
        processes.complete_one(&later).await;
        page.until(&has_text("#inbox-list > li:first-child", &later))
            .await;
        page.until(&are("#inbox-list > li", 2 * round)).await;
    }
}

#[tokio::test]
async fn a_service_that_has_died_is_seen_in_health_and_the_page_says_what_it_cannot_show() {
    let (mut processes, browser) = tokio::join!(Processes::start(), Browser::start());
    let page = browser.page().await;
    page.open(&format!(
        "http://{}/index.html?user_id=4#health",
        processes.web
    ))
    .await;
    page.until(&has_text("#health-note", "all of them serving"))
        .await;
    processes.tasks.process().sigkill();
    page.until(&has_text("#health-note", "not serving: tasks"))
        .await;
    page.eval("location.hash = 'tasks'").await;
    page.until("document.querySelector('#tasks-problem').innerText.length > 5")
        .await;
    processes.gateway.process().sigkill();
    page.eval("location.hash = 'health'").await;
    page.until(&has_text(
        "#health-problem",
        "the gateway cannot be reached",
    ))
    .await;
}
