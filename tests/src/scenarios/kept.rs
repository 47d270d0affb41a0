//! What was acknowledged.

use muster_testkit::get;
use serde_json::{Value, json};

use super::activity::{ACTIVITY, list};
use super::fresh_number;
use crate::{Suite, call, create};

/// An event, a user, a mail and a task that a suite has acknowledged, with its answers.
#[derive(Debug)]
pub struct Acknowledged {
    deployment: u32,
    email: String,
    user: Value,
    mail_key: String,
    mail: Value,
    task: i64,
}

impl Acknowledged {
    /// Gives them to a suite.
    ///
    /// # Panics
    /// When it does not take them.
    pub async fn by(suite: &impl Suite) -> Acknowledged {
        let deployment = fresh_number();
        let event = json!({ "id": 3, "deploymentId": deployment, "message": "kept" });
        let activity = suite.addr_of("activity");
        call(&activity, &format!("{ACTIVITY}/CreateEvent"), &event).await;
        let email = format!("kept{}@example.org", fresh_number());
        let mail_key = format!("kept-{}", fresh_number());
        Acknowledged {
            deployment,
            user: create_user(suite, &email).await,
            email,
            mail: send(suite, &mail_key).await,
            mail_key,
            task: create(&suite.addr_of("tasks"), i64::from(deployment)).await,
        }
    }

    /// Whoever asks again is answered as before.
    ///
    /// # Panics
    /// When something is gone.
    pub async fn is_still_there(&self, suite: &impl Suite) {
        let events = list(&suite.addr_of("activity"), self.deployment).await;
        let messages: Vec<&Value> = events.iter().map(|event| &event["message"]).collect();
        assert_eq!(messages, ["kept"]);
        assert_eq!(create_user(suite, &self.email).await, self.user);
        assert_eq!(send(suite, &self.mail_key).await, self.mail);
        let task = format!("/tasks/{}", self.task);
        let (status, found) = get(&suite.addr_of("tasks"), &task).await.unwrap();
        assert_eq!(status, 200, "{found}");
    }
}

async fn create_user(suite: &impl Suite, email: &str) -> Value {
    let method = "muster.users.v1.UsersService/CreateUser";
    call(&suite.addr_of("users"), method, &json!({ "email": email })).await
}

async fn send(suite: &impl Suite, key: &str) -> Value {
    let method = "muster.notificator.v1.NotificatorService/Send";
    let mail = json!({ "to": "bob", "content": "Hello", "idempotencyKey": key });
    call(&suite.addr_of("notificator"), method, &mail).await
}
