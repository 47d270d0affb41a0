//! The deadline that a gRPC caller names.

use std::time::Duration;

use http::HeaderMap;

/// What `grpc-timeout` says: at most eight digits and a unit. A malformed one counts as absent,
/// as grpc-go and grpc-java have it.
pub(crate) fn of(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let unit = text.chars().next_back()?;
    let digits = text.strip_suffix(unit)?;
    if digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    match unit {
        'H' => Some(Duration::from_secs(number * 3600)),
        'M' => Some(Duration::from_secs(number * 60)),
        'S' => Some(Duration::from_secs(number)),
        'm' => Some(Duration::from_millis(number)),
        'u' => Some(Duration::from_micros(number)),
        'n' => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn parsed(text: &'static str) -> Option<Duration> {
        let value = HeaderValue::from_static(text);
        of(&HeaderMap::from_iter([(
            "grpc-timeout".parse().ok()?,
            value,
        )]))
    }

    #[test]
    fn all_units_are_known() {
        assert_eq!(parsed("2H"), Some(Duration::from_secs(7200)));
        assert_eq!(parsed("3M"), Some(Duration::from_secs(180)));
        assert_eq!(parsed("4S"), Some(Duration::from_secs(4)));
        assert_eq!(parsed("100m"), Some(Duration::from_millis(100)));
        assert_eq!(parsed("99999999n"), Some(Duration::from_nanos(99_999_999)));
    }

    #[test]
    fn what_is_malformed_counts_as_absent() {
        for text in ["", "S", "1", "123456789S", "-1S", "1x", "1.5S"] {
            assert_eq!(parsed(text), None, "{text:?}");
        }
    }
}
