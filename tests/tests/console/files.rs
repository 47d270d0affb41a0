//! The files of the console, as any program gets them.

use muster_testkit::{Service, curl};
use serde_json::json;

use crate::site::{SOON, Site};

/// The head of an answer, in lower case, and its body.
async fn ask(suite: &Service, path: &str, args: &[&str]) -> (String, String) {
    let url = format!("http://{}{path}", suite.addr_of("web"));
    let answer = curl(&[&["-i", &url], args].concat()).await.ok();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), body.to_owned())
}

#[tokio::test]
async fn the_page_may_run_nothing_but_its_own_scripts_and_is_asked_for_anew_each_time() {
    let mut suite = Service::suite(&[]).await;
    let (page, _) = ask(&suite, "/index.html", &[]).await;
    for expected in [
        "http/1.1 200",
        "content-type: text/html; charset=utf-8",
        "cache-control: no-cache",
        "default-src 'none'; script-src 'self';",
        "frame-ancestors 'none'",
        "x-content-type-options: nosniff",
        "referrer-policy: no-referrer",
        "cross-origin-opener-policy: same-origin",
    ] {
        assert!(page.contains(expected), "{expected} in\n{page}");
    }
    assert!(!page.contains("unsafe"), "{page}");
    let (root, body) = ask(&suite, "/", &[]).await;
    assert!(
        root.contains("content-type: text/html") && body.contains("<title>muster</title>"),
        "{root}"
    );
    let (script, _) = ask(&suite, "/views/inbox.js", &[]).await;
    assert!(script.contains("content-type: text/javascript"), "{script}");
    assert!(suite.stop(SOON).await.success());
}

#[tokio::test]
async fn a_file_that_is_known_is_not_sent_again() {
    let suite = Service::suite(&[]).await;
    let (head, _) = ask(&suite, "/app.js", &[]).await;
    let etag = head
        .lines()
        .find_map(|line| line.strip_prefix("etag: "))
        .unwrap();
    for known in [
        etag.to_owned(),
        format!("\"other\", W/{etag}"),
        "*".to_owned(),
    ] {
        let condition = format!("if-none-match: {known}");
        let (head, body) = ask(&suite, "/app.js", &["-H", &condition]).await;
        assert!(
            head.starts_with("http/1.1 304") && head.contains(etag),
            "{known}: {head}"
        );
        assert_eq!(body, "");
    }
    let (head, _) = ask(&suite, "/app.js", &["-H", "if-none-match: \"other\""]).await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
}

#[tokio::test]
async fn other_methods_other_paths_and_other_origins_are_refused() {
    let suite = Service::suite(&[]).await;
    let (head, body) = ask(&suite, "/app.js", &["-I"]).await;
    assert!(
        head.starts_with("http/1.1 200") && body.is_empty(),
        "{head}"
    );
    let (head, body) = ask(&suite, "/app.js", &["-XPUT"]).await;
    assert!(
        head.starts_with("http/1.1 405") && head.contains("allow: get, head"),
        "{head}"
    );
    assert_eq!(body, r#"{"error":"served here: GET, HEAD"}"#);
    for path in [
        "/package.json",
        "/../Cargo.toml",
        "/views/",
        "/views/none.js",
    ] {
        let (head, _) = ask(&suite, path, &["--path-as-is"]).await;
        assert!(head.starts_with("http/1.1 404"), "{path}: {head}");
    }
    let (head, _) = ask(
        &suite,
        "/app.js",
        &["-H", "origin: http://elsewhere.example"],
    )
    .await;
    assert!(head.starts_with("http/1.1 403"), "{head}");
}

#[tokio::test]
async fn nothing_foreign_gets_into_the_page_or_out_of_it() {
    let site = Site::start().await;
    let page = site.page(1, "").await;
    page.eval("document.addEventListener('securitypolicyviolation', (it) => { (window.kept ??= []).push(it.effectiveDirective); })")
        .await;
    let tried = [
        ("img-src", "new Image().src = 'http://127.0.0.1:9/x.png'"),
        ("connect-src", "new WebSocket('ws://127.0.0.1:9/')"),
        (
            "connect-src",
            "fetch('http://127.0.0.1:9/').catch(() => {})",
        ),
        (
            "require-trusted-types-for",
            "{ const it = document.createElement('script'); it.append('window.ran = true'); document.body.append(it); }",
        ),
        (
            "require-trusted-types-for",
            "document.body.innerHTML = '<p>x</p>'",
        ),
        (
            "style-src-attr",
            "document.body.setAttribute('style', 'color: red')",
        ),
    ];
    for (directive, attempt) in tried {
        page.eval("window.kept = []").await;
        page.eval(&format!("try {{ {attempt} }} catch {{ }}; 0"))
            .await;
        let kept = format!("window.kept.includes({})", json!(directive));
        page.until(&kept).await;
    }
    assert_eq!(page.eval("window.ran === undefined").await, json!(true));
    assert!(
        page.complaints().len() >= tried.len(),
        "the browser tells of each"
    );
}
