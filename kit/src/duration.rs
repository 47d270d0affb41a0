//! Durations as people write them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A duration such as `10s`, `500ms`, `1m30s`, or `10` for seconds, as Go writes them; and `90d`,
/// days of 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seconds(pub Duration);

/// The text is no duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a duration such as 10s, 500ms or 1m30s")]
pub struct NoDuration;

/// Longest first where one unit begins another.
const UNITS_S: [(&str, f64); 7] = [
    ("ms", 1e-3),
    ("us", 1e-6),
    ("ns", 1e-9),
    ("d", 86_400.0),
    ("h", 3600.0),
    ("m", 60.0),
    ("s", 1.0),
];

impl FromStr for Seconds {
    type Err = NoDuration;

    fn from_str(text: &str) -> Result<Self, NoDuration> {
        let bare: Result<f64, _> = text.parse();
        let seconds = match bare {
            Ok(seconds) => seconds,
            Err(_) => parse_parts(text)?,
        };
        let duration = Duration::try_from_secs_f64(seconds).map_err(|_| NoDuration)?;
        Ok(Self(duration))
    }
}

fn parse_parts(mut text: &str) -> Result<f64, NoDuration> {
    let mut seconds = 0.0;
    loop {
        let digits = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or(NoDuration)?;
        let number: f64 = text[..digits].parse().map_err(|_| NoDuration)?;
        let rest = &text[digits..];
        let (unit, unit_s) = UNITS_S
            .iter()
            .find(|(unit, _)| rest.starts_with(unit))
            .ok_or(NoDuration)?;
        seconds += number * unit_s;
        text = &rest[unit.len()..];
        if text.is_empty() {
            return Ok(seconds);
        }
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole =
            |unit_s: u64| self.0.subsec_nanos() == 0 && self.0.as_secs().is_multiple_of(unit_s);
        let units = [("d", 86_400), ("h", 3_600), ("m", 60)];
        let unit = units.iter().find(|(_, unit_s)| whole(*unit_s));
        match unit.filter(|_| !self.0.is_zero()) {
            Some((unit, unit_s)) => write!(f, "{}{unit}", self.0.as_secs() / unit_s),
            None => write!(f, "{:?}", self.0),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Duration, NoDuration> {
        text.parse::<Seconds>().map(|seconds| seconds.0)
    }

    #[test]
    fn durations_are_read_as_go_writes_them() {
        assert_eq!(parsed("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(parsed("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parsed("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(parsed("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(parsed("10"), Ok(Duration::from_secs(10)));
        assert_eq!(parsed("90d"), Ok(Duration::from_secs(90 * 86_400)));
    }

    #[test]
    fn a_duration_is_written_in_its_largest_whole_unit() {
        for text in ["90d", "36h", "90m", "61s", "1.5s", "0ns"] {
            assert_eq!(Seconds(parsed(text).unwrap()).to_string(), text);
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "s", "10x", "-1s", "1s2", "ten", "1e400", "NaN", "inf"] {
            assert_eq!(parsed(text), Err(NoDuration), "{text:?}");
        }
    }
}
