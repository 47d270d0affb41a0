//! Times: `google.protobuf.Timestamp` ⇄ nanoseconds since the Unix epoch.

use prost_types::Timestamp;

use crate::error::BadField;

const SECOND_NS: i64 = 1_000_000_000;

/// Nanoseconds since the Unix epoch.
pub(super) fn ns(field: &'static str, time: Timestamp) -> Result<i64, BadField> {
    if !(0..SECOND_NS).contains(&i64::from(time.nanos)) {
        return Err(BadField::new(field, "nanos must be 0 to 999,999,999"));
    }
    let seconds_ns = time.seconds.checked_mul(SECOND_NS);
    seconds_ns
        .and_then(|ns| ns.checked_add(i64::from(time.nanos)))
        .ok_or_else(|| BadField::new(field, "must lie between the years 1678 and 2262"))
}

/// The time of so many nanoseconds since the Unix epoch.
pub(super) fn timestamp(ns: i64) -> Timestamp {
    Timestamp {
        seconds: ns.div_euclid(SECOND_NS),
        nanos: ns.rem_euclid(SECOND_NS) as i32,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(seconds: i64, nanos: i32) -> Timestamp {
        Timestamp { seconds, nanos }
    }

    #[test]
    fn a_time_is_counted_from_the_epoch() {
        assert_eq!(ns("t", at(1, 5)).unwrap(), 1_000_000_005);
        assert_eq!(ns("t", at(-1, 5)).unwrap(), -999_999_995);
    }

    #[test]
    fn a_time_comes_back_from_its_timestamp() {
        for time in [0, 1, -1, i64::MAX, i64::MIN + SECOND_NS] {
            assert_eq!(ns("t", timestamp(time)).unwrap(), time);
        }
    }

    #[test]
    fn a_time_that_is_none_or_cannot_be_kept_is_refused_by_name() {
        for time in [
            at(0, -1),
            at(0, 1_000_000_000),
            at(i64::MAX, 0),
            at(-10_000_000_000, 0),
        ] {
            assert_eq!(ns("t", time).unwrap_err().field, "t", "{time:?}");
        }
    }
}
