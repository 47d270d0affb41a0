//! How the compatibility API names things in the store: deployment N is the topic
//! `deployment/N`, an event's id its decimal form.

use crate::topic::Topic;

/// What the topics of deployments begin with.
pub const PREFIX: &str = "deployment/";

/// The topic of a deployment.
pub fn topic(deployment: i32) -> Topic {
    Topic::of_segments(format!("{PREFIX}{deployment}"))
}

/// The deployment that a topic stands for; `None` for any other topic.
pub fn of_topic(topic: &str) -> Option<i32> {
    number(topic.strip_prefix(PREFIX)?)
}

/// A decimal int32 in its one canonical form: no plus sign, no leading zeros, no `-0`.
pub fn number(text: &str) -> Option<i32> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_bare = digits.as_bytes().first()?.is_ascii_digit();
    let is_padded = digits.starts_with('0') && text != "0";
    if !is_bare || is_padded {
        return None;
    }
    text.parse().ok()
}

/// The id that the server gives next: one above the highest, from 1. `None` at the top of int32.
pub fn next_id(highest: Option<i32>) -> Option<i32> {
    highest.unwrap_or(0).max(0).checked_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_of_another_form_are_no_ids() {
        let others = [
            "",
            "-",
            "+1",
            "01",
            "-01",
            "-0",
            "00",
            " 1",
            "1 ",
            "1a",
            "--1",
            "2147483648",
        ];
        for text in others {
            assert_eq!(number(text), None, "{text:?}");
        }
    }

    #[test]
    fn topics_of_another_form_are_no_deployments() {
        for text in [
            "deployment/",
            "deployment/+1",
            "deployment/1/2",
            "deployments/1",
            "user/1",
            "1",
        ] {
            assert_eq!(of_topic(text), None, "{text:?}");
        }
    }

    #[test]
    fn ids_are_given_from_one_up_to_the_top() {
        assert_eq!(next_id(None), Some(1));
        assert_eq!(next_id(Some(-7)), Some(1));
        assert_eq!(next_id(Some(i32::MAX - 1)), Some(i32::MAX));
        assert_eq!(next_id(Some(i32::MAX)), None);
    }

    proptest! {
        #[test]
        fn every_int32_comes_back_from_its_topic(n: i32) {
            prop_assert_eq!(number(&n.to_string()), Some(n));
            prop_assert_eq!(of_topic(topic(n).as_str()), Some(n));
        }

        #[test]
        fn only_the_decimal_form_of_a_number_is_one(text in "[-+ 0-9]{0,12}") {
            let is_canonical = text.parse::<i32>().is_ok_and(|n| n.to_string() == text);
            prop_assert_eq!(number(&text).is_some(), is_canonical);
        }
    }
}
