//! Tasks: what they are, and what may become of them.

use crate::input::Content;

/// Something to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// From 1 up; never used again for another task.
    pub id: i64,
    /// Whose it is, from 1 up.
    pub user_id: i64,
    /// What is to be done.
    pub content: String,
    /// When it was created, in milliseconds since the Unix epoch.
    pub created_at_ms: i64,
    /// When it was last completed, in milliseconds since the Unix epoch; `None` while it is open.
    pub completed_at_ms: Option<i64>,
    /// 1, and one more after each change.
    pub version: i64,
}

/// How far a task has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It is to be done.
    Open,
    /// It is done.
    Completed,
}

/// Why something is not done to a task.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none of this id.
    #[error("there is no task of this id")]
    NoSuchTask,
    /// The task has another etag than those that were expected.
    #[error("the task has changed: read it again")]
    Changed,
    /// The idempotency key came with another task before.
    #[error("the idempotency key was used for another task")]
    KeyReused,
    /// The task that was created with the idempotency key is deleted by now.
    #[error("the task that was created with this idempotency key is deleted")]
    Deleted,
    /// As many tasks as may wait were completed without the bus knowing.
    #[error("too many completed tasks wait for the bus: try again later")]
    OutboxFull,
}

impl Task {
    /// How far it has come.
    pub fn status(&self) -> Status {
        match self.completed_at_ms {
            None => Status::Open,
            Some(_) => Status::Completed,
        }
    }

    /// Whether a change to `changed` completes it.
    pub fn is_completed_by(&self, changed: &Task) -> bool {
        self.status() == Status::Open && changed.status() == Status::Completed
    }

    /// Another one after each change.
    pub fn etag(&self) -> String {
        self.version.to_string()
    }

    /// The task after a change, made at this time in milliseconds since the Unix epoch. To
    /// complete one that is completed changes nothing, nor does a content that it has already:
    /// then the version is the same.
    pub fn changed(&self, change: &Change, at_ms: i64) -> Task {
        let mut task = self.clone();
        if let Some(content) = &change.content {
            content.as_str().clone_into(&mut task.content);
        }
        task.completed_at_ms = match (change.status, self.completed_at_ms) {
            (None, completed) => completed,
            (Some(Status::Open), _) => None,
            // Clocks are set back; what is done was begun before.
            (Some(Status::Completed), None) => Some(at_ms.max(self.created_at_ms)),
            (Some(Status::Completed), completed) => completed,
        };
        if task != *self {
            task.version += 1;
        }
        task
    }
}

/// What a task is to become.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Its status, where that is to change.
    pub status: Option<Status>,
    /// Its content, where that is to change.
    pub content: Option<Content>,
}

/// Which version of a task a caller has in mind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Precondition {
    /// Any.
    #[default]
    None,
    /// One that has any of these etags.
    OneOf(Vec<String>),
}

impl Precondition {
    /// Whether the task is one that the caller has in mind.
    ///
    /// # Errors
    /// [`Refusal::Changed`].
    pub fn check(&self, task: &Task) -> Result<(), Refusal> {
        match self {
            Precondition::OneOf(etags) if !etags.contains(&task.etag()) => Err(Refusal::Changed),
            Precondition::None | Precondition::OneOf(_) => Ok(()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn open() -> Task {
        Task {
            id: 7,
            user_id: 1,
            content: "Water the plants".to_owned(),
            created_at_ms: 1000,
            completed_at_ms: None,
            version: 1,
        }
    }

    fn set(status: Status) -> Change {
        Change {
            status: Some(status),
            content: None,
        }
    }

    fn content(text: &str) -> Change {
        Change {
            status: None,
            content: Some(Content::parse(text).unwrap()),
        }
    }

    #[test]
    fn a_task_is_completed_once_until_it_is_open_again() {
        let completed = open().changed(&set(Status::Completed), 2000);
        assert_eq!(completed.status(), Status::Completed);
        assert_eq!(
            (completed.completed_at_ms, completed.version),
            (Some(2000), 2)
        );
        let again = completed.changed(&set(Status::Completed), 3000);
        assert_eq!(again, completed);
        assert!(open().is_completed_by(&completed) && !completed.is_completed_by(&again));

        let reopened = again.changed(&set(Status::Open), 4000);
        assert_eq!(reopened.status(), Status::Open);
        assert_eq!((reopened.completed_at_ms, reopened.version), (None, 3));
        let anew = reopened.changed(&set(Status::Completed), 5000);
        assert_eq!((anew.completed_at_ms, anew.version), (Some(5000), 4));
        assert!(reopened.is_completed_by(&anew) && !anew.is_completed_by(&reopened));
    }

    #[test]
    fn what_changes_nothing_leaves_the_version_as_it_is() {
        for change in [
            Change::default(),
            set(Status::Open),
            content("Water the plants"),
        ] {
            assert_eq!(open().changed(&change, 2000), open(), "{change:?}");
        }
        let changed = open().changed(&content("Feed the cat"), 2000);
        assert_eq!(
            (changed.content.as_str(), changed.version),
            ("Feed the cat", 2)
        );
        assert_ne!(changed.etag(), open().etag());
    }

    #[test]
    fn no_task_is_completed_before_it_was_created() {
        let completed = open().changed(&set(Status::Completed), 10);
        assert_eq!(completed.completed_at_ms, Some(1000));
    }

    #[test]
    fn a_precondition_holds_for_the_etags_that_it_names() {
        let etags = |etags: &[&str]| {
            Precondition::OneOf(etags.iter().map(|etag| (*etag).to_owned()).collect())
        };
        assert_eq!(Precondition::None.check(&open()), Ok(()));
        assert_eq!(etags(&["9", "1"]).check(&open()), Ok(()));
        for other in [etags(&[]), etags(&["2"]), etags(&["01"]), etags(&[""])] {
            assert_eq!(other.check(&open()), Err(Refusal::Changed), "{other:?}");
        }
    }
}
