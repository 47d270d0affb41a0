//! From curl to the page before the eyes of its reader.

use muster_testkit::{Browser, curl};

use crate::site::{Chain, Part};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_is_completed_by_curl_changes_the_page_also_after_the_broker_died() {
    let (mut chain, browser) = tokio::join!(Chain::start(), Browser::start());
    let page = browser.page().await;
    let web = chain.gateway.addr_of("web");
    page.open(&format!("http://{web}/index.html?user_id=1"))
        .await;
    page.until(&shows("#connection", "Connected")).await;

    complete(&chain.tasks.addr(), 1).await;
    page.until(&shows("#inbox-list", "task 1 has been completed at "))
        .await;

    chain.broker.settle().await;
    chain.kill(Part::Broker);
    complete(&chain.tasks.addr(), 2).await;
    chain.restart(Part::Broker).await;
    page.until(&shows("#inbox-list", "task 2 has been completed at "))
        .await;
    assert_eq!(page.complaints(), Vec::<String>::new());
}

/// As the contract says it.
async fn complete(tasks: &str, id: i64) {
    let url = format!("http://{tasks}/tasks/{id}");
    let patch = ["--fail", "-XPATCH", &url, "-d", r#"{"status":1}"#];
    curl(&patch).await.ok();
}

fn shows(selector: &str, text: &str) -> String {
    format!("document.querySelector('{selector}').innerText.includes('{text}')")
}
