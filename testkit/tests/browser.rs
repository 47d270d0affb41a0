//! The browser does what tests of pages rely on.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use muster_testkit::{Browser, Key, Scheme, eventually};
use serde_json::json;

const FORM: &str = "data:text/html,<title>a form</title><input id=one><button id=two>x</button>\
    <script>two.onclick=()=>{document.title=one.value}</script>";

#[tokio::test]
async fn a_page_is_used_by_keyboard_and_tells_what_it_shows() {
    let browser = Browser::start().await;
    let page = browser.page().await;
    page.open(FORM).await;
    assert_eq!(page.eval("document.title").await, "a form");
    page.press(Key::Tab).await;
    page.write("written").await;
    page.press(Key::Tab).await;
    page.press(Key::Space).await;
    page.until("document.title === 'written'").await;
    page.press(Key::BackTab).await;
    assert_eq!(page.eval("document.activeElement.id").await, "one");
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[tokio::test]
async fn a_page_has_the_size_and_the_colours_that_a_test_asks_for() {
    let browser = Browser::start().await;
    let page = browser.page().await;
    page.open(FORM).await;
    page.resize(375, 667).await;
    page.until("innerWidth > 0 && outerWidth === 375").await;
    for (scheme, name) in [(Scheme::Dark, "dark"), (Scheme::Light, "light")] {
        page.prefer(scheme).await;
        let asked = format!("matchMedia('(prefers-color-scheme: {name})').matches");
        assert_eq!(page.eval(&asked).await, json!(true), "{name}");
    }
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("form.png");
    page.screenshot(&picture).await;
    assert!(std::fs::read(picture).unwrap().starts_with(b"\x89PNG"));
}

#[tokio::test]
async fn what_goes_wrong_in_a_page_is_told() {
    let browser = Browser::start().await;
    let page = browser.page().await;
    let forbidden = "<meta http-equiv=Content-Security-Policy content=\"script-src 'nonce-a'\">";
    page.open(&format!(
        "data:text/html,{forbidden}<script>document.title='run'</script>"
    ))
    .await;
    page.eval("console.error('said')").await;
    let told = |what: &'static str| {
        let complaints = page.complaints();
        async move {
            complaints
                .iter()
                .any(|one| one.contains(what))
                .then_some(())
        }
    };
    let soon = Duration::from_secs(10);
    eventually(soon, || told("said")).await;
    eventually(soon, || told("ContentSecurityPolicyIssue")).await;
}

#[tokio::test]
async fn a_browser_ends_with_all_its_processes() {
    let browser = Browser::start().await;
    let _page = browser.page().await;
    let group = browser.pid();
    assert!(members(group) > 1, "it has children");
    drop(browser);
    let gone = || async { (members(group) == 0).then_some(()) };
    eventually(Duration::from_secs(10), gone).await;
}

/// How many processes there are in a group, those aside that have ended and wait to be reaped.
fn members(group: u32) -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let stats =
        processes.filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok());
    let in_group = stats.filter(|stat| {
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        let fields: Vec<&str> = fields.split(' ').collect();
        fields[0] != "Z" && fields[2] == group.to_string()
    });
    in_group.count()
}
