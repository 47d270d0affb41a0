//! What the reader can do in each section.

use muster_testkit::Process;
use serde_json::json;

use crate::site::{Site, are, has_text, is_content};

/// An expression: whether a user is shown in a state.
fn is_shown(user: &str, state: &str) -> String {
    let (name, badge) = (json!(user), json!(state));
    format!(
        "[...document.querySelectorAll('#online-list > li')].some((li) =>
            li.querySelector('strong').innerText === {name} && li.querySelector('.badge').innerText === {badge})"
    )
}

#[tokio::test]
async fn who_comes_and_goes_is_seen_as_it_happens() {
    let site = Site::start().await;
    let page = site.page(1, "#online").await;
    page.until(&is_shown("1", "online")).await;
    page.until(&has_text("#online-list > li", "this page"))
        .await;
    assert_eq!(page.eval(&is_shown("2", "online")).await, json!(false));

    let other = site.page(2, "").await;
    page.until(&is_shown("2", "online")).await;
    let albert = r#"{"name":"Albert"}"#;
    let connect = "cloudstate.samples.chat.presence.Presence/Connect";
    let addr = site.suite.addr_of("presence");
    let device = Process::tool("grpcurl", &["-plaintext", "-d", albert, &addr, connect]);
    page.until(&is_shown("Albert", "online")).await;
    page.until(&has_text("#online-note", "3 users online"))
        .await;

    drop(device);
    page.until(&is_shown("Albert", "offline")).await;
    other.close().await;
    // Ten seconds of grace later.
    page.until(&is_shown("2", "offline")).await;
    is_content(&page);
}

#[tokio::test]
async fn a_user_who_is_not_online_can_be_watched() {
    let site = Site::start().await;
    let page = site.page(1, "#online").await;
    page.click("#watch-user").await;
    page.write("7").await;
    page.click("#watch-form button").await;
    page.until(&is_shown("7", "offline")).await;
    let _seventh = site.page(7, "").await;
    page.until(&is_shown("7", "online")).await;
    is_content(&page);
}

#[tokio::test]
async fn events_appear_as_they_happen_and_a_filter_leaves_the_others_out() {
    let site = Site::start().await;
    site.happen("room/7", "said", &["one", "two"]).await;
    site.happen("deployment-log", "rolled.out", &["release 9"])
        .await;
    let page = site.page(1, "#activity").await;
    page.until(&are("#activity-list > li", 3)).await;
    page.until(&has_text("#activity-list > li:first-child", "release 9"))
        .await;
    site.happen("room/8", "said", &["three"]).await;
    page.until(&has_text("#activity-list > li:first-child", "three"))
        .await;

    page.click("#activity-topic").await;
    page.write("room/").await;
    page.click("#activity-form [type=submit]").await;
    page.until(&are("#activity-list > li", 3)).await;
    site.happen("deployment-log", "rolled.out", &["release 10"])
        .await;
    site.happen("room/7", "asked", &["four?"]).await;
    page.until(&has_text("#activity-list > li:first-child", "four?"))
        .await;
    assert_eq!(page.eval(&are("#activity-list > li", 4)).await, json!(true));

    page.click("#activity-kind").await;
    page.write("asked").await;
    page.click("#activity-form [type=submit]").await;
    page.until(&are("#activity-list > li", 1)).await;
    page.eval("document.querySelector('#activity-kind').value = ''")
        .await;
    page.eval("document.querySelector('#activity-topic').value = 'room/7'")
        .await;
    let chosen = "const of = document.querySelector('#activity-match'); of.value = 'topic';
        of.dispatchEvent(new Event('change', { bubbles: true }))";
    page.eval(&format!("{{ {chosen} }}")).await;
    page.until(&are("#activity-list > li", 3)).await;
    site.happen("room/70", "said", &["elsewhere"]).await;
    site.happen("room/7", "said", &["five"]).await;
    page.until(&has_text("#activity-list > li:first-child", "five"))
        .await;
    page.until(&are("#activity-list > li", 4)).await;
    is_content(&page);
}

#[tokio::test]
async fn older_events_come_on_request_and_a_pause_holds_new_ones_back() {
    let site = Site::start().await;
    let messages: Vec<String> = (1..=120)
        .map(|number| format!("number {number}."))
        .collect();
    let messages: Vec<&str> = messages.iter().map(String::as_str).collect();
    site.happen("room/7", "said", &messages).await;
    let page = site.page(1, "#activity").await;
    page.until(&are("#activity-list > li", 50)).await;
    for count in [100, 120] {
        page.click("#activity-older").await;
        page.until(&are("#activity-list > li", count)).await;
    }
    page.until(&has_text("#activity-list > li:last-child", "number 1."))
        .await;
    page.until("document.querySelector('#activity-older').hidden")
        .await;

    page.click("#activity-pause").await;
    site.happen("room/7", "said", &["while it pauses"]).await;
    page.until(&has_text("#activity-note", "1 new event")).await;
    assert_eq!(
        page.eval(&are("#activity-list > li", 120)).await,
        json!(true)
    );
    page.click("#activity-pause").await;
    page.until(&has_text(
        "#activity-list > li:first-child",
        "while it pauses",
    ))
    .await;
    is_content(&page);
}

#[tokio::test]
async fn a_flood_of_events_leaves_a_bounded_page_that_ends_with_the_newest() {
    let site = Site::start().await;
    let page = site.page(1, "#activity").await;
    page.until(&has_text("#activity-note", "No event fits yet"))
        .await;
    for batch in 0..3 {
        let messages: Vec<String> = (0..1_000)
            .map(|number| format!("event {batch} {number}."))
            .collect();
        let messages: Vec<&str> = messages.iter().map(String::as_str).collect();
        site.happen("flood", "said", &messages).await;
    }
    page.until(&has_text("#activity-list > li:first-child", "event 2 999."))
        .await;
    assert_eq!(
        page.eval(&are("#activity-list > li", 1_000)).await,
        json!(true)
    );
    page.until(&has_text("#activity-list > li:last-child", "event 2 0."))
        .await;
    is_content(&page);
}

#[tokio::test]
async fn a_task_is_added_completed_and_reopened_and_its_push_is_seen() {
    let site = Site::start().await;
    let page = site.page(8, "#tasks").await;
    page.until(&has_text("#tasks-note", "No task fits.")).await;
    page.click("#task-content").await;
    page.write("paint the fence").await;
    page.click("#task-form button").await;
    page.until(&has_text("#tasks-list > li", "paint the fence"))
        .await;

    page.click("#tasks-list button").await;
    page.until(&has_text("#pushed-list > li", "has been completed at "))
        .await;
    page.until(&has_text("#tasks-list button", "Reopen")).await;
    assert_eq!(
        page.eval(&has_text("#unread", "1")).await,
        json!(true),
        "it waits in the inbox"
    );
    page.click("#tasks-list button").await;
    page.until(&has_text("#tasks-list button", "Complete"))
        .await;

    page.eval("location.hash = 'inbox'").await;
    page.until(&are("#inbox-list > li", 1)).await;
    assert_eq!(
        page.eval("document.querySelector('#unread').hidden").await,
        json!(true)
    );
    is_content(&page);
}

#[tokio::test]
async fn whoever_is_slower_is_told_and_sees_the_task_as_it_is() {
    let site = Site::start().await;
    let id = site.add_task(9, "somebody else is faster").await;
    let page = site.page(8, "#tasks").await;
    page.eval(
        "{ const of = document.querySelector('#tasks-whose'); of.value = 'all';
        of.dispatchEvent(new Event('change', { bubbles: true })); }",
    )
    .await;
    let act = format!("#task-{id} button");
    page.until(&has_text(&act, "Complete")).await;
    site.complete(id).await;
    page.click(&act).await;
    page.until("document.querySelector('#tasks-problem').innerText.length > 5")
        .await;
    page.until(&has_text(&act, "Reopen")).await;
}

#[tokio::test]
async fn a_task_that_is_refused_says_why_and_is_not_lost() {
    let site = Site::start().await;
    let page = site.page(8, "#tasks").await;
    page.eval("document.querySelector('#task-user').value = '0'")
        .await;
    page.click("#task-content").await;
    page.write("for nobody").await;
    page.click("#task-form button").await;
    page.until("document.querySelector('#tasks-problem').innerText.length > 5")
        .await;
    assert_eq!(
        page.eval("document.querySelector('#task-content').value")
            .await,
        json!("for nobody")
    );
}

#[tokio::test]
async fn the_health_of_every_service_is_told() {
    let site = Site::start().await;
    let page = site.page(1, "#health").await;
    page.until(&are("#health-list > li", muster_testkit::SERVICES.len()))
        .await;
    page.until(&has_text("#health-note", "7 services, all of them serving"))
        .await;
    for service in muster_testkit::SERVICES {
        assert_eq!(
            page.eval(&has_text("#health-list", service)).await,
            json!(true),
            "{service}"
        );
    }
    let addr = site.suite.addr_of("tasks");
    assert_eq!(
        page.eval(&has_text("#health-list", &addr)).await,
        json!(true)
    );
    is_content(&page);
}
