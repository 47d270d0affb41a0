//! Which tasks are listed, page by page.

use crate::input::{Violation, parse_user_id};
use crate::task::{Status, Task};

/// The most tasks of a page.
pub const MAX_LIMIT: u32 = 1000;
/// The tasks of a page where nobody says how many.
pub const DEFAULT_LIMIT: u32 = 100;
/// A page ends behind the task whose content brings it to this size: a caller's limit on a
/// message is often 4 MiB.
pub const MAX_PAGE_BYTES: usize = 2 * 1024 * 1024;

/// Some tasks, by their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selection {
    /// Only those of this user.
    pub user_id: Option<i64>,
    /// Only those that have come so far.
    pub status: Option<Status>,
    /// Only those of greater ids.
    pub after: i64,
    /// How many at most, 1 to [`MAX_LIMIT`].
    pub limit: u32,
}

impl Default for Selection {
    fn default() -> Selection {
        Selection {
            user_id: None,
            status: None,
            after: 0,
            limit: DEFAULT_LIMIT,
        }
    }
}

impl Selection {
    /// Of one user.
    ///
    /// # Errors
    /// The id is not from 1 up.
    pub fn of_user(self, user_id: i64) -> Result<Selection, Violation> {
        let user_id = Some(parse_user_id(user_id)?);
        Ok(Selection { user_id, ..self })
    }

    /// With this many at most; `field` is how the caller knows the limit.
    ///
    /// # Errors
    /// It is not 1 to [`MAX_LIMIT`].
    pub fn limited(self, field: &'static str, limit: i64) -> Result<Selection, Violation> {
        let fits = |limit: &u32| (1..=MAX_LIMIT).contains(limit);
        match u32::try_from(limit).ok().filter(fits) {
            Some(limit) => Ok(Selection { limit, ..self }),
            None => {
                let why = format!("expected a number from 1 to {MAX_LIMIT}");
                Err(Violation::new(field, why))
            }
        }
    }
}

/// A page of tasks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// By their ids, the lowest first.
    pub tasks: Vec<Task>,
    /// Where there are more: behind which id.
    pub next: Option<i64>,
    content_bytes: usize,
}

impl Page {
    /// Takes a task; or, where there is no room for it, notes that there are more. Whether it was
    /// taken.
    pub fn push(&mut self, task: Task, limit: u32) -> bool {
        if self.tasks.len() >= limit as usize || self.content_bytes >= MAX_PAGE_BYTES {
            self.next = self.tasks.last().map(|last| last.id);
            return false;
        }
        self.content_bytes += task.content.len();
        self.tasks.push(task);
        true
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn fill(limit: u32, content_bytes: usize, tasks: i64) -> Page {
        let mut page = Page::default();
        let task = |id| Task {
            id,
            user_id: 1,
            content: "x".repeat(content_bytes),
            created_at_ms: 0,
            completed_at_ms: None,
            version: 1,
        };
        let _full = (1..=tasks).all(|id| page.push(task(id), limit));
        page
    }

    #[test]
    fn a_page_ends_with_its_limit_and_tells_whether_there_are_more() {
        for (tasks, taken, next) in [(0, 0, None), (2, 2, None), (3, 3, None), (4, 3, Some(3))] {
            let page = fill(3, 1, tasks);
            assert_eq!((page.tasks.len(), page.next), (taken, next), "{tasks}");
        }
    }

    #[test]
    fn a_page_of_long_contents_is_no_longer_than_a_message_may_be() {
        let page = fill(1000, 10_000, 1000);
        assert_eq!((page.tasks.len(), page.next), (210, Some(210)));
    }

    #[test]
    fn limits_are_1_to_1000() {
        let limited = |limit| Selection::default().limited("limit", limit);
        for fits in [1, 1000] {
            assert_eq!(i64::from(limited(fits).unwrap().limit), fits);
        }
        for bad in [0, -1, 1001, i64::from(u32::MAX) + 2] {
            assert_eq!(limited(bad).unwrap_err().field, "limit");
        }
    }
}
