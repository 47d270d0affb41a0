//! The page without a mouse, and as assistive technology reads it.

use muster_testkit::{Key, Page};
use serde_json::json;

use crate::site::{Site, has_text, is_content};

/// Stops at most that are on the page.
const MOST_STOPS: usize = 60;

/// Presses Tab until the focus is on what a selector finds; every stop on the way can be seen.
async fn tab_to(page: &Page, selector: &str) {
    let is_there = format!("document.activeElement.matches({})", json!(selector));
    for _ in 0..MOST_STOPS {
        page.press(Key::Tab).await;
        let outline = "document.activeElement === document.body
            || getComputedStyle(document.activeElement).outlineStyle !== 'none'";
        let stop = page
            .eval("document.activeElement.outerHTML.slice(0, 200)")
            .await;
        assert_eq!(
            page.eval(outline).await,
            json!(true),
            "the focus cannot be seen on {stop}"
        );
        if page.eval(&is_there).await == json!(true) {
            return;
        }
    }
    panic!("Tab does not come to {selector}");
}

#[tokio::test]
async fn a_task_is_added_and_completed_by_keyboard_alone() {
    let site = Site::start().await;
    let page = site.page(8, "").await;
    tab_to(&page, ".tabs a[href='#tasks']").await;
    page.press(Key::Enter).await;
    page.until("!document.querySelector('#tasks').hidden && document.activeElement.id === 'main'")
        .await;
    tab_to(&page, "#task-content").await;
    page.write("mend the gate").await;
    page.press(Key::Enter).await;
    page.until(&has_text("#tasks-list > li", "mend the gate"))
        .await;
    tab_to(&page, "#tasks-list button").await;
    page.press(Key::Space).await;
    page.until(&has_text("#pushed-list > li", "has been completed at "))
        .await;
    // The focus stays where the reader was, on what the button has become.
    page.until("document.activeElement.matches('#tasks-list button')")
        .await;
    assert_eq!(
        page.eval("document.activeElement.innerText").await,
        json!("Reopen")
    );
    is_content(&page);
}

#[tokio::test]
async fn the_first_stop_leads_past_the_head_of_the_page_and_stays_in_the_section() {
    let site = Site::start().await;
    let page = site.page(1, "").await;
    page.press(Key::Tab).await;
    assert_eq!(
        page.eval("document.activeElement.innerText").await,
        json!("Skip to content")
    );
    page.eval("location.hash = 'health'").await;
    page.until("!document.querySelector('#health').hidden")
        .await;
    page.eval("document.querySelector('.skip').focus()").await;
    page.press(Key::Enter).await;
    page.until("document.activeElement.id === 'main'").await;
    assert_eq!(
        page.eval("document.querySelector('#health').hidden").await,
        json!(false)
    );
}

#[tokio::test]
async fn every_control_has_a_name_and_what_comes_is_read_out() {
    let site = Site::start().await;
    let page = site.page(1, "").await;
    let nameless =
        "[...document.querySelectorAll('input, select, button, a, nav, ul, section, [role=log]')]
        .filter((it) => !(it.getAttribute('aria-label') || it.getAttribute('aria-labelledby')
            || it.labels?.length || it.textContent.trim()))
        .map((it) => it.outerHTML)";
    assert_eq!(page.eval(nameless).await, json!([]));
    let live = "['#inbox-list', '#pushed-list'].map((id) => document.querySelector(id).closest('[role=log]').getAttribute('aria-live'))";
    assert_eq!(page.eval(live).await, json!(["polite", "polite"]));
    let roles = "['#connection', '#inbox-note', '#online-note', '#tasks-problem'].map((id) => document.querySelector(id).role)";
    assert_eq!(
        page.eval(roles).await,
        json!(["status", "status", "status", "alert"])
    );
    assert_eq!(
        page.eval("document.documentElement.lang").await,
        json!("en")
    );
    let current = "[...document.querySelectorAll('[aria-current]')].map((it) => it.hash)";
    assert_eq!(page.eval(current).await, json!(["#inbox"]));
}
