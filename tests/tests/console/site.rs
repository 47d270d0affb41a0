//! The suite with its console, and a browser that looks at it.

use std::time::Duration;

use muster_testkit::{Browser, Page, Service, curl};
use serde_json::{Value, json};

/// Within which whatever is not measured must come.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// The suite, and a browser.
pub(crate) struct Site {
    pub(crate) suite: Service,
    browser: Browser,
}

impl Site {
    /// `muster up` on embedded engines, and a browser.
    pub(crate) async fn start() -> Site {
        let (suite, browser) = tokio::join!(Service::suite(&[]), Browser::start());
        Site { suite, browser }
    }

    /// Where a path of the console is.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.suite.addr_of("web"))
    }

    /// A tab with the page of a user, connected, in a section of it (`#tasks`, say).
    pub(crate) async fn page(&self, user: u32, section: &str) -> Page {
        let page = self.browser.page().await;
        let path = format!("/index.html?user_id={user}{section}");
        page.open(&self.url(&path)).await;
        page.until(&has_text("#connection", "Connected")).await;
        page
    }

    /// A unary call as any program makes it: JSON through the gateway.
    pub(crate) async fn call(&self, method: &str, request: &Value) -> Value {
        let (url, body) = (self.url(&format!("/{method}")), request.to_string());
        let json = "content-type: application/json";
        let answer = curl(&["-f", "-H", json, "-d", &body, &url]).await.ok();
        serde_json::from_str(&answer).unwrap()
    }

    /// Stores events of a topic, each with a message of its own.
    pub(crate) async fn happen(&self, topic: &str, kind: &str, messages: &[&str]) {
        let event = |message: &&str| {
            let begin: String = message.chars().take(50).collect();
            let id = format!("{} {} {begin}", message.len(), kind.len());
            json!({ "topic": topic, "id": id, "kind": kind, "message": message })
        };
        let events: Vec<Value> = messages.iter().map(event).collect();
        let request = json!({ "events": events });
        self.call("muster.activity.v1.ActivityService/Append", &request)
            .await;
    }

    /// Adds a task as anybody may, over REST: its id.
    pub(crate) async fn add_task(&self, user: u32, content: &str) -> i64 {
        let url = format!("http://{}/tasks", self.suite.addr_of("tasks"));
        let body = json!({ "user_id": user, "content": content }).to_string();
        let answer = curl(&["-f", "-XPOST", &url, "-d", &body]).await.ok();
        let task: Value = serde_json::from_str(&answer).unwrap();
        task["id"].as_i64().unwrap()
    }

    /// Completes a task by the very command of the contract.
    pub(crate) async fn complete(&self, id: i64) {
        let url = format!("http://{}/tasks/{id}", self.suite.addr_of("tasks"));
        curl(&["-f", "-XPATCH", &url, "-d", r#"{"status":1}"#])
            .await
            .ok();
    }
}

/// An expression: whether an element is shown and its text has another in it.
pub(crate) fn has_text(selector: &str, text: &str) -> String {
    let (selector, text) = (json!(selector), json!(text));
    format!("document.querySelector({selector})?.innerText.includes({text})")
}

/// An expression: whether so many elements are found.
pub(crate) fn are(selector: &str, count: usize) -> String {
    let selector = json!(selector);
    format!("document.querySelectorAll({selector}).length === {count}")
}

/// Fails if the browser holds anything against a page.
#[track_caller]
pub(crate) fn is_content(page: &Page) {
    assert_eq!(page.complaints(), Vec::<String>::new());
}
