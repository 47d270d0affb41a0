//! Mails.

use std::future::ready;

use muster_testkit::eventually;
use serde_json::json;

use super::SOON;
use crate::{Suite, call};

/// # Panics
/// When it is not.
pub async fn a_mail_is_answered_with_a_uuid_and_leaves(suite: &impl Suite) {
    let addr = suite.addr_of("notificator");
    let mail = json!({ "email": "test", "content": "Hello" });
    let reply = call(&addr, "pb.Notificator/SendEmail", &mail).await;
    let id = reply["id"].as_str().unwrap();
    let shape: Vec<_> = id.split('-').map(str::len).collect();
    assert_eq!(shape, [8, 4, 4, 4, 12], "{id} is a UUID");
    let of_it = |mail: &String| mail.contains(id);
    let mail = eventually(SOON, || ready(suite.mails().into_iter().find(of_it))).await;
    assert!(
        mail.contains("test@localhost") && mail.contains("Hello"),
        "{mail}"
    );
}
