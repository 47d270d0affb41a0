//! `?user_id=&status=&limit=&after=`.

use super::problem::Problem;
use crate::input::Violation;
use crate::json;
use crate::selection::{DEFAULT_LIMIT, Selection};

/// The tasks that a query selects. A parameter that is not known is refused: a misspelt filter
/// would select everybody's tasks.
pub(super) fn selection(query: &str) -> Result<Selection, Problem> {
    let mut selection = Selection::default();
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        selection = with(selection, name, value).map_err(Problem::of_parameter)?;
    }
    Ok(selection)
}

fn with(selection: Selection, name: &str, value: &str) -> Result<Selection, Violation> {
    match name {
        "user_id" => selection.of_user(number("user_id", value)?),
        "limit" => selection.limited("limit", number("limit", value)?),
        "after" => Ok(Selection {
            after: number("after", value)?,
            ..selection
        }),
        "status" => {
            let bad = || Violation::new("status", "expected 0 (open) or 1 (completed)");
            let status = value.parse().ok().and_then(json::status);
            Ok(Selection {
                status: Some(status.ok_or_else(bad)?),
                ..selection
            })
        }
        _ => Err(Violation::new(
            "query",
            "known: user_id, status, limit, after",
        )),
    }
}

fn number(name: &'static str, value: &str) -> Result<i64, Violation> {
    let bad = |_| Violation::new(name, "expected a number");
    value.parse().map_err(bad)
}

/// Where the next page is, for a `Link` header.
pub(super) fn link(selection: &Selection, next: i64) -> String {
    let mut query = format!("after={next}");
    let mut add = |name: &str, value: i64| query.push_str(&format!("&{name}={value}"));
    if let Some(user_id) = selection.user_id {
        add("user_id", user_id);
    }
    if let Some(status) = selection.status {
        add("status", json::number(status).into());
    }
    if selection.limit != DEFAULT_LIMIT {
        add("limit", selection.limit.into());
    }
    format!("</tasks?{query}>; rel=\"next\"")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::task::Status;

    #[test]
    fn a_query_selects_by_all_that_it_says() {
        assert_eq!(selection("").unwrap(), Selection::default());
        let all = selection("user_id=7&status=1&limit=2&after=5").unwrap();
        let expected = Selection {
            user_id: Some(7),
            status: Some(Status::Completed),
            after: 5,
            limit: 2,
        };
        assert_eq!(all, expected);
    }

    #[test]
    fn the_next_page_is_of_the_same_selection() {
        for query in ["", "user_id=7&status=0&limit=2", "status=1"] {
            let first = selection(query).unwrap();
            let link = link(&first, 9);
            let query = link.trim_start_matches("</tasks?");
            let query = query.trim_end_matches(">; rel=\"next\"");
            assert_eq!(selection(query).unwrap(), Selection { after: 9, ..first });
        }
    }
}
