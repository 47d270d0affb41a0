//! How the page looks: on a phone and on a desk, in light and dark. Pictures of each are left in the target folder.

use muster_testkit::{Page, Scheme, target_dir};
use serde_json::json;

use crate::site::{Site, are, has_text, is_content};

/// Each section, and what it shows once it is drawn.
const SECTIONS: [(&str, &str); 5] = [
    ("inbox", "#inbox-list > li"),
    ("online", "#online-list > li"),
    ("activity", "#activity-list > li"),
    ("tasks", "#tasks-list > li"),
    ("health", "#health-list > li"),
];
/// The narrowest is that of a desk at four times its size (WCAG 1.4.10).
const SIZES: [(&str, u32, u32); 3] = [
    ("narrow", 320, 568),
    ("phone", 375, 667),
    ("desk", 1_280, 800),
];
const SCHEMES: [(&str, Scheme); 2] = [("light", Scheme::Light), ("dark", Scheme::Dark)];

/// The texts that are shown, each with its contrast where that is less than WCAG AA asks for.
const PALE: &str = "(() => {
    const parse = (text) => { const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number); return { c: [r, g, b], a }; };
    const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
        .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = (it) => {
        for (; it; it = it.parentElement) {
            const { c, a } = parse(getComputedStyle(it).backgroundColor);
            if (a === 1) return c;
        }
        return [255, 255, 255];
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const pale = [];
    while (walker.nextNode()) {
        const it = walker.currentNode.parentElement;
        if (!walker.currentNode.data.trim() || !it.checkVisibility() || it.matches(':disabled, .skip')) continue;
        const [one, other] = [light(parse(getComputedStyle(it).color).c), light(ground(it))].sort((a, b) => b - a);
        const contrast = (one + 0.05) / (other + 0.05);
        if (contrast < 4.5) pale.push(`${walker.currentNode.data.trim().slice(0, 40)}: ${contrast.toFixed(2)}`);
    }
    return pale;
})()";

/// What is wider than the page.
const WIDE: &str = "(() => {
    const root = document.documentElement;
    if (root.scrollWidth <= root.clientWidth) return [];
    const over = [...document.querySelectorAll('body *')].filter((it) => it.getBoundingClientRect().right > root.clientWidth + 1);
    return [`${root.scrollWidth} > ${root.clientWidth}`, ...over.map((it) => it.outerHTML.slice(0, 120))];
})()";

/// Something of everything, short and long, with words that do not break by themselves.
async fn furnish(site: &Site) {
    let long_word = "a-word-that-does-not-end-".repeat(30);
    let long_text = "It takes a good while to say what is to be done here. ".repeat(20);
    for content in [
        "Water the plants",
        "Answer the letter about the reading room",
        &long_word,
        &long_text,
    ] {
        let id = site.add_task(1, content).await;
        if content.len() != 16 {
            site.complete(id).await;
        }
    }
    let topic = format!("room/{}", "very-long-name".repeat(15));
    site.happen(&topic, "said", &["short", &long_word, &long_text])
        .await;
    site.happen("builds", "", &["1"]).await;
    site.happen("room/7", "asked", &["Is anyone here?", "Shall we begin?"])
        .await;
}

/// Fails where a page does not fit or is pale, and leaves a picture of it.
pub(crate) async fn looks_right(page: &Page, name: &str) {
    assert_eq!(page.eval(WIDE).await, json!([]), "{name} scrolls sideways");
    assert_eq!(page.eval(PALE).await, json!([]), "{name} is hard to read");
    let file = target_dir().join(format!("screenshots/{name}.png"));
    page.screenshot(&file).await;
}

#[tokio::test]
async fn each_section_fits_a_phone_and_a_desk_and_is_readable_in_light_and_dark() {
    let site = Site::start().await;
    let page = site.page(1, "").await;
    furnish(&site).await;
    page.until(&are("#inbox-list > li", 3)).await;
    page.eval("location.hash = 'online'").await;
    for watched in [
        "2",
        "a-user-with-a-name-that-is-quite-long-and-goes-on-and-on-and-on",
    ] {
        page.click("#watch-user").await;
        page.write(watched).await;
        page.click("#watch-form button").await;
    }
    for (size, width, height) in SIZES {
        page.resize(width, height).await;
        for (colours, scheme) in SCHEMES {
            page.prefer(scheme).await;
            for (section, drawn) in SECTIONS {
                page.eval(&format!("location.hash = '{section}'")).await;
                page.until(&format!(
                    "document.querySelector('{drawn}')?.checkVisibility() === true"
                ))
                .await;
                looks_right(&page, &format!("{section}-{size}-{colours}")).await;
            }
        }
    }
    is_content(&page);
}

#[tokio::test]
async fn what_is_empty_or_wrong_fits_and_is_readable_too() {
    let site = Site::start().await;
    let page = site.page(1, "").await;
    for (size, width, height) in SIZES {
        page.resize(width, height).await;
        for (colours, scheme) in SCHEMES {
            page.prefer(scheme).await;
            page.open(&site.url("/index.html?user_id=1#inbox")).await;
            page.until(&has_text("#inbox-command", "curl")).await;
            looks_right(&page, &format!("empty-{size}-{colours}")).await;
            page.open(&site.url("/index.html?user_id=nobody")).await;
            page.until(&has_text("#user-problem", "is no user")).await;
            looks_right(&page, &format!("no-user-{size}-{colours}")).await;
        }
    }
    let id = site.add_task(1, "see it pushed").await;
    page.open(&site.url("/index.html?user_id=1#tasks")).await;
    page.until(&has_text("#tasks-list", "see it pushed")).await;
    site.complete(id).await;
    page.until(&has_text("#pushed-list", "has been completed"))
        .await;
    looks_right(&page, "pushed").await;
    is_content(&page);
}
