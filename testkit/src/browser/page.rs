//! A page in a browser: what a user does with it, and what they see.

use std::fs;
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Key;
use super::devtools::DevTools;
use crate::eventually;

const SOON: Duration = Duration::from_secs(20);

/// What tells of the page: its scripts, what they write to the console, what the browser holds against it.
const DOMAINS: [&str; 4] = ["Page", "Runtime", "Log", "Audits"];

/// Which colours the user prefers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Dark text on light ground.
    Light,
    /// Light text on dark ground.
    Dark,
}

/// One page.
#[derive(Debug)]
pub struct Page {
    devtools: DevTools,
    session: String,
}

impl Page {
    pub(super) async fn begin(devtools: DevTools, session: &str) -> Page {
        let session = session.to_owned();
        let page = Page { devtools, session };
        for domain in DOMAINS {
            page.call(&format!("{domain}.enable"), json!({})).await;
        }
        // Each of several pages behaves as the one that the user looks at.
        page.call(
            "Emulation.setFocusEmulationEnabled",
            json!({ "enabled": true }),
        )
        .await;
        page.resize(1_280, 800).await;
        page
    }

    /// Goes to an address, and waits until all of it has been loaded.
    ///
    /// # Panics
    /// When that cannot be had within 20 s.
    pub async fn open(&self, url: &str) {
        let gone = self.call("Page.navigate", json!({ "url": url })).await;
        assert_eq!(gone.get("errorText"), None, "{url}");
        self.until("document.readyState === 'complete'").await;
    }

    /// What a JavaScript expression is, awaited if it is a promise.
    ///
    /// # Panics
    /// When it throws.
    pub async fn eval(&self, expression: &str) -> Value {
        let value = self.try_eval(expression).await;
        value.unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// Waits until a JavaScript expression is true; one that throws is not yet.
    ///
    /// # Panics
    /// When it is not within 20 s; the message shows the text of the page.
    pub async fn until(&self, expression: &str) {
        self.within(SOON, expression).await;
    }

    /// As [`Page::until`], within a time of the test's own.
    pub async fn within(&self, deadline: Duration, expression: &str) {
        let holds = async || {
            let value = self.try_eval(expression).await;
            value.ok().filter(|value| *value == json!(true))
        };
        let expired = tokio::time::timeout(deadline, eventually(2 * deadline, holds)).await;
        if expired.is_err() {
            let text = self.try_eval("document.body.innerText").await;
            panic!("not within {deadline:?}: {expression}\nthe page: {text:?}");
        }
    }

    async fn try_eval(&self, expression: &str) -> Result<Value, Value> {
        let params =
            json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let session = Some(self.session.as_str());
        let mut answer = self
            .devtools
            .try_call(session, "Runtime.evaluate", params)
            .await?;
        match answer.get_mut("exceptionDetails") {
            Some(thrown) => Err(thrown["exception"]["description"].take()),
            None => Ok(answer["result"]["value"].take()),
        }
    }

    /// Makes the page so large, in CSS pixels; up to 600 wide it is a phone's.
    pub async fn resize(&self, width: u32, height: u32) {
        let is_phone = width <= 600;
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone });
        self.call("Emulation.setDeviceMetricsOverride", metrics)
            .await;
    }

    /// Prefers these colours.
    pub async fn prefer(&self, scheme: Scheme) {
        let value = match scheme {
            Scheme::Light => "light",
            Scheme::Dark => "dark",
        };
        let features = json!([{ "name": "prefers-color-scheme", "value": value }]);
        self.call(
            "Emulation.setEmulatedMedia",
            json!({ "features": features }),
        )
        .await;
    }

    /// Presses a key and lets it go.
    pub async fn press(&self, key: Key) {
        for event in key.events() {
            self.call("Input.dispatchKeyEvent", event).await;
        }
    }

    /// Writes a text where the focus is.
    pub async fn write(&self, text: &str) {
        self.call("Input.insertText", json!({ "text": text })).await;
    }

    /// Clicks on the middle of the first element that a CSS selector finds.
    ///
    /// # Panics
    /// When there is none, or another element lies above it.
    pub async fn click(&self, selector: &str) {
        let find = format!(
            "(() => {{ const it = document.querySelector({});
            it.scrollIntoView({{ block: 'center', behavior: 'instant' }});
            const {{ x, y, width, height }} = it.getBoundingClientRect();
            const at = [x + width / 2, y + height / 2];
            return it.contains(document.elementFromPoint(...at)) ? at : null; }})()",
            json!(selector)
        );
        let at = self.eval(&find).await;
        assert!(at.is_array(), "{selector} cannot be clicked on");
        for kind in ["mousePressed", "mouseReleased"] {
            let event =
                json!({ "type": kind, "x": at[0], "y": at[1], "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", event).await;
        }
    }

    /// Makes a picture of the whole page: a PNG.
    ///
    /// # Panics
    /// When it cannot be written.
    pub async fn screenshot(&self, file: &Path) {
        let params = json!({ "format": "png", "captureBeyondViewport": true });
        let answer = self.call("Page.captureScreenshot", params).await;
        let encoded = answer["data"].as_str().expect("a picture is a text");
        let png = STANDARD.decode(encoded).expect("a picture is base64");
        let folder = file.parent().expect("a file lies in a folder");
        fs::create_dir_all(folder).expect("no folder for a picture");
        fs::write(file, png).expect("no file for a picture");
    }

    /// What the browser or the page's own scripts hold against it so far: exceptions, errors and warnings on the
    /// console, requests that failed, violations of its Content-Security-Policy.
    pub fn complaints(&self) -> Vec<String> {
        let events = self.devtools.events(&self.session);
        events.iter().filter_map(complaint).collect()
    }

    /// Closes it, as its user does.
    pub async fn close(self) {
        self.call("Page.close", json!({})).await;
    }

    async fn call(&self, method: &str, params: Value) -> Value {
        self.devtools
            .call(Some(&self.session), method, params)
            .await
    }
}

fn complaint(event: &Value) -> Option<String> {
    let params = &event["params"];
    let is_bad = |level: &Value| matches!(level.as_str(), Some("error" | "warning" | "assert"));
    let held = match event["method"].as_str()? {
        "Runtime.exceptionThrown" => &params["exceptionDetails"],
        "Runtime.consoleAPICalled" if is_bad(&params["type"]) => &params["args"],
        "Log.entryAdded" if is_bad(&params["entry"]["level"]) => &params["entry"],
        "Audits.issueAdded" if params["issue"]["code"] == "ContentSecurityPolicyIssue" => {
            &params["issue"]
        }
        _ => return None,
    };
    Some(held.to_string())
}
