//! Who signs up.

use std::future::ready;
use std::net::SocketAddr;

use muster_testkit::{curl, eventually};
use serde_json::json;

use super::{SOON, fresh_number};
use crate::{Suite, call};

const CREATE: &str = "muster.users.v1.UsersService/CreateUser";

/// # Panics
/// When it is not so.
pub async fn a_created_user_is_welcomed_once(suite: &impl Suite) {
    let url = format!("http://{}/create", suite.addr_of("users"));
    let number = fresh_number();
    let (test, ann) = (format!("test{number}"), format!("Ann{number}@Example.org"));
    for email in [&test, &test, &ann] {
        let data = json!({ "email": email }).to_string();
        let answer = curl(&["-XPOST", &url, "-d", &data]).await.ok();
        assert_eq!(answer, r#"{"e0":null}"#);
    }
    let to = |to: &str| -> Vec<String> {
        let mails = suite.mails().into_iter();
        mails.filter(|mail| mail.contains(to)).collect()
    };
    // Ann's mail comes after all of test's.
    let to_ann = format!("Ann{number}@example.org");
    eventually(SOON, || ready((to(&to_ann).len() == 1).then_some(()))).await;
    let welcomed = to(&format!("{test}@localhost"));
    assert_eq!(welcomed.len(), 1, "{welcomed:#?}");
    for mail in welcomed.iter().chain(&to(&to_ann)) {
        assert!(mail.contains("Hi! Thank you for registration..."), "{mail}");
    }
}

/// # Panics
/// When it can.
pub async fn a_page_of_a_foreign_origin_cannot_create_a_user(suite: &impl Suite) {
    let users = suite.addr_of("users");
    let url = format!("http://{users}/create");
    let before = newest_id(&users).await;
    let mut headers = vec!["Origin: https://evil.example", "Origin: null"];
    if is_loopback(&users) {
        // A name that somebody points here; beyond loopback any name may be the right one.
        headers.push("Host: evil.example");
    }
    for header in headers {
        let victim = json!({ "email": format!("victim{}", fresh_number()) }).to_string();
        let post = ["-XPOST", &url, "-H", header, "-d", &victim];
        let answer = curl(&[&post[..], &["-w", "\n%{http_code}"]].concat()).await;
        let answer = answer.ok();
        assert!(answer.ends_with("\n403"), "{header}: {answer}");
    }
    let after = newest_id(&users).await;
    assert_eq!(after, before + 1, "nothing was written");
}

fn is_loopback(addr: &str) -> bool {
    let addr: SocketAddr = addr.parse().unwrap();
    addr.ip().is_loopback()
}

/// The id of a user who is made for it: ids are counted up.
async fn newest_id(users: &str) -> u64 {
    let user = json!({ "email": format!("user{}", fresh_number()) });
    let made = call(users, CREATE, &user).await;
    made["user"]["id"].as_str().unwrap().parse().unwrap()
}
