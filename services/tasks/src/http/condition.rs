//! Headers that make a request conditional, or safe to repeat.

use axum::http::{HeaderMap, HeaderName, header};

use super::problem::Problem;
use crate::input::{Key, Violation};
use crate::task::{Precondition, Task};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// An etag as the header has it, and where it is compared.
#[derive(Debug, PartialEq, Eq)]
struct Etag<'a> {
    opaque: &'a str,
    is_weak: bool,
}

/// The `ETag` of a task.
pub(super) fn etag(task: &Task) -> [(HeaderName, String); 1] {
    [(header::ETAG, format!("\"{}\"", task.etag()))]
}

/// What `If-Match` says: compared strongly, so that a weak etag matches nothing.
pub(super) fn if_match(headers: &HeaderMap) -> Result<Precondition, Problem> {
    let Some(text) = text(headers, &header::IF_MATCH, "If-Match")? else {
        return Ok(Precondition::None);
    };
    // There is a task: where there is none, the answer is that.
    if text.trim() == "*" {
        return Ok(Precondition::None);
    }
    let etags = etags(&text, "If-Match")?;
    let strong = etags.into_iter().filter(|etag| !etag.is_weak);
    Ok(Precondition::OneOf(
        strong.map(|etag| etag.opaque.to_owned()).collect(),
    ))
}

/// Whether the caller has the task as it is, by `If-None-Match`, which compares weakly.
pub(super) fn is_known(headers: &HeaderMap, task: &Task) -> Result<bool, Problem> {
    let Some(text) = text(headers, &header::IF_NONE_MATCH, "If-None-Match")? else {
        return Ok(false);
    };
    let own = task.etag();
    let is_own = |etag: &Etag| etag.opaque == own;
    Ok(text.trim() == "*" || etags(&text, "If-None-Match")?.iter().any(is_own))
}

/// The `Idempotency-Key`: a quoted string, as the draft has it, or the same without its quotes.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<Key>, Problem> {
    let Some(text) = text(headers, &IDEMPOTENCY_KEY, "Idempotency-Key")? else {
        return Ok(None);
    };
    let quoted = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    let key = Key::parse("Idempotency-Key", quoted.unwrap_or(&text));
    key.map(Some).map_err(Problem::of_parameter)
}

/// The value of a header; of several, as one list.
fn text(
    headers: &HeaderMap,
    name: &HeaderName,
    field: &'static str,
) -> Result<Option<String>, Problem> {
    let values: Result<Vec<&str>, _> = headers.get_all(name).iter().map(|v| v.to_str()).collect();
    match values {
        Ok(values) if values.is_empty() => Ok(None),
        Ok(values) => Ok(Some(values.join(", "))),
        Err(_) => {
            let violation = Violation::new(field, "expected printable ASCII");
            Err(Problem::of_parameter(violation))
        }
    }
}

/// `"1", W/"2"`. An etag of ours has neither comma nor quote in it, hence none that has matters.
fn etags<'a>(text: &'a str, field: &'static str) -> Result<Vec<Etag<'a>>, Problem> {
    let etags: Option<Vec<Etag>> = text.split(',').map(|part| parse(part.trim())).collect();
    etags.ok_or_else(|| {
        let why = "expected an etag in double quotes, or several with commas between";
        Problem::of_parameter(Violation::new(field, why))
    })
}

fn parse(text: &str) -> Option<Etag<'_>> {
    let (text, is_weak) = match text.strip_prefix("W/") {
        Some(text) => (text, true),
        None => (text, false),
    };
    let opaque = text.strip_prefix('"')?.strip_suffix('"')?;
    Some(Etag { opaque, is_weak })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(&name, value.parse().unwrap());
        }
        headers
    }

    fn matching(values: &[&str]) -> Precondition {
        if_match(&headers(header::IF_MATCH, values)).unwrap()
    }

    fn one_of(etags: &[&str]) -> Precondition {
        Precondition::OneOf(etags.iter().map(|etag| (*etag).to_owned()).collect())
    }

    #[test]
    fn if_match_is_a_list_of_strong_etags_or_a_star() {
        assert_eq!(matching(&[]), Precondition::None);
        assert_eq!(matching(&["*"]), Precondition::None);
        assert_eq!(matching(&["\"1\""]), one_of(&["1"]));
        assert_eq!(
            matching(&["\"1\", \"2\"", "\"3\""]),
            one_of(&["1", "2", "3"])
        );
        assert_eq!(matching(&["W/\"1\""]), one_of(&[]));
        for bad in ["1", "", "\"1", "\"1\" \"2", "w/\"1\""] {
            assert!(
                if_match(&headers(header::IF_MATCH, &[bad])).is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_key_may_be_quoted() {
        let key = |value: &str| idempotency_key(&headers(IDEMPOTENCY_KEY, &[value]));
        for same in ["\"abc\"", "abc"] {
            assert_eq!(key(same).unwrap().unwrap().as_str(), "abc");
        }
        assert_eq!(idempotency_key(&HeaderMap::new()).unwrap(), None);
        for bad in ["", "\"\"", &"k".repeat(256)] {
            assert!(key(bad).is_err(), "{bad}");
        }
    }
}
