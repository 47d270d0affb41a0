//! What a suite does for those who use it, whoever runs it and whatever it did before.

mod activity;
mod conflicts;
mod kept;
mod mail;
mod presence;
mod reflection;
mod refusals;
mod tasks;
mod users;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::Suite;

pub use activity::events_are_stored_once_and_listed_in_order;
pub use conflicts::the_conflicts_of_a_real_calendar_are_found;
pub use kept::Acknowledged;
pub use mail::a_mail_is_answered_with_a_uuid_and_leaves;
pub use presence::{
    a_monitor_sees_albert_come_and_go_in_another_terminal,
    users_and_who_watches_them_are_counted_at_metrics,
};
pub use reflection::{SERVICES, every_port_describes_itself_by_both_versions_of_reflection};
pub use refusals::bad_input_is_refused_with_its_field_and_the_next_call_is_served;
pub use tasks::a_completed_task_is_told_to_its_user;
pub use users::{a_created_user_is_welcomed_once, a_page_of_a_foreign_origin_cannot_create_a_user};

/// How long whatever has to happen may take.
const SOON: Duration = Duration::from_secs(10);

/// All of them, one after the other.
pub async fn all(suite: &impl Suite) {
    every_port_describes_itself_by_both_versions_of_reflection(suite).await;
    a_monitor_sees_albert_come_and_go_in_another_terminal(suite).await;
    users_and_who_watches_them_are_counted_at_metrics(suite).await;
    events_are_stored_once_and_listed_in_order(suite).await;
    a_mail_is_answered_with_a_uuid_and_leaves(suite).await;
    the_conflicts_of_a_real_calendar_are_found(suite).await;
    a_created_user_is_welcomed_once(suite).await;
    a_page_of_a_foreign_origin_cannot_create_a_user(suite).await;
    bad_input_is_refused_with_its_field_and_the_next_call_is_served(suite).await;
    a_completed_task_is_told_to_its_user(suite).await;
}

/// A number that no earlier scenario has had: what is called by it is new to every suite.
fn fresh_number() -> u32 {
    static COUNT: AtomicU32 = AtomicU32::new(1000);
    COUNT.fetch_add(1, Ordering::Relaxed)
}
