//! The whole chain: a task is completed by a command, and the page of its user changes.

use serde_json::json;

use crate::site::{Site, are, has_text, is_content};

#[tokio::test]
async fn a_task_that_is_completed_by_curl_appears_on_the_page_of_its_user() {
    let site = Site::start().await;
    let page = site.page(1, "").await;
    let other = site.page(2, "").await;
    page.until(&has_text("#inbox-empty", "Nothing has come yet"))
        .await;

    // The page says what to type, and typing just that works.
    page.until("document.querySelector('#inbox-command').innerText.startsWith('curl')")
        .await;
    let command = page
        .eval("document.querySelector('#inbox-command').innerText")
        .await;
    let mut shell = tokio::process::Command::new("sh");
    let typed = muster_testkit::run(shell.args(["-c", command.as_str().unwrap()]), "").await;
    assert!(typed.ok().contains(r#""status":1"#));

    page.until(&are("#inbox-list > li", 1)).await;
    page.until(&has_text(
        "#inbox-list > li",
        "task 1 has been completed at ",
    ))
    .await;
    let empty = "document.querySelector('#inbox-empty').hidden";
    assert_eq!(page.eval(empty).await, json!(true));
    assert_eq!(
        other.eval(&are("#inbox-list > li", 0)).await,
        json!(true),
        "it is another user's"
    );
    is_content(&page);
    is_content(&other);
}

#[tokio::test]
async fn the_newest_comes_first_and_is_there_still_when_the_page_is_opened_again() {
    let site = Site::start().await;
    let page = site.page(5, "").await;
    for content in ["the first", "the second"] {
        let id = site.add_task(5, content).await;
        site.complete(id).await;
        page.until(&has_text("#inbox-list > li:first-child", content))
            .await;
    }
    page.until(&has_text("#inbox-list > li:last-child", "the first"))
        .await;
    let again = site.page(5, "").await;
    again.until(&are("#inbox-list > li", 2)).await;
    again
        .until(&has_text("#inbox-list > li:first-child", "the second"))
        .await;
    assert_eq!(
        again.eval(&are("#inbox-list .fresh", 0)).await,
        json!(true),
        "they are not new"
    );
    is_content(&page);
    is_content(&again);
}

#[tokio::test]
async fn what_looks_like_markup_is_shown_as_the_text_that_it_is() {
    let site = Site::start().await;
    let hostile =
        "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>";
    let page = site.page(6, "#tasks").await;
    let id = site.add_task(6, hostile).await;
    site.complete(id).await;
    page.until(&has_text("#pushed-list", hostile)).await;
    site.happen("room/1", hostile, &[hostile]).await;
    for (section, list) in [
        ("tasks", "#tasks-list"),
        ("activity", "#activity-list"),
        ("inbox", "#inbox-list"),
    ] {
        page.eval(&format!("location.hash = '{section}'")).await;
        page.until(&has_text(list, hostile)).await;
    }
    assert_eq!(
        page.eval(&are("main img, main script", 0)).await,
        json!(true)
    );
    assert_ne!(page.eval("document.title").await, json!("taken"));
    is_content(&page);
}

#[tokio::test]
async fn a_page_without_a_user_asks_for_one_and_refuses_what_is_none() {
    let site = Site::start().await;
    let page = site.page(1, "").await;
    page.open(&site.url("/")).await;
    page.until(&has_text("#inbox-note", "Whose?")).await;
    for (wrong, shown) in [("0", "“0” is no user"), ("albert", "“albert” is no user")] {
        page.open(&site.url(&format!("/index.html?user_id={wrong}")))
            .await;
        page.until(&has_text("#user-problem", shown)).await;
    }
    page.eval("document.querySelector('#user-id').value = '3'")
        .await;
    page.click("#user-form button").await;
    page.until(&has_text("h1", "Inbox of user 3")).await;
    assert_eq!(page.eval("location.search").await, json!("?user_id=3"));
    is_content(&page);
}
