//! Tasks, and who is told of them.

use super::fresh_number;
use crate::{Subscriber, Suite, create, set};

/// # Panics
/// When it is not.
pub async fn a_completed_task_is_told_to_its_user(suite: &impl Suite) {
    let (tasks, user_id) = (suite.addr_of("tasks"), i64::from(fresh_number()));
    let subscriber = Subscriber::of(&suite.addr_of("gateway"), user_id);
    let id = create(&tasks, user_id).await;
    let task = set(&tasks, id, 1).await;
    let told = subscriber.wait_for(1).await;
    assert_eq!(told[0]["task"], task);
    let message = told[0]["message"].as_str().unwrap();
    let begin = format!("task {id} has been completed at ");
    assert!(message.starts_with(&begin), "{message}");
}
