//! The sweep against a brute-force oracle, and the cases that one thinks of.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Groups of indices, as the sweep finds them among (start, end) in input order.
fn swept(input: &[(Instant, Instant)]) -> Vec<Vec<usize>> {
    let mut spans = spans(input);
    let group = |members: &[Span]| members.iter().map(|span| span.index).collect();
    conflicts(&mut spans).map(group).collect()
}

fn spans(input: &[(Instant, Instant)]) -> Vec<Span> {
    let span = |(index, (start, end)): (usize, &(Instant, Instant))| {
        let (start, end) = (*start, *end);
        Span { start, end, index }
    };
    input.iter().enumerate().map(span).collect()
}

/// Word by word what the contract says of two events.
fn conflict(a: &Span, b: &Span) -> bool {
    let holds = |long: &Span, instant| long.start <= instant && instant < long.end;
    match (a.start == a.end, b.start == b.end) {
        (true, true) => false,
        (true, false) => holds(b, a.start),
        (false, true) => holds(a, b.start),
        (false, false) => a.start < b.end && b.start < a.end,
    }
}

/// Every pair is compared, and what conflicts is united.
fn oracle(input: &[(Instant, Instant)]) -> Vec<Vec<usize>> {
    let mut spans = spans(input);
    let mut group_of: Vec<_> = (0..spans.len()).collect();
    for a in 0..spans.len() {
        for b in 0..a {
            if conflict(&spans[a], &spans[b]) {
                let (from, to) = (group_of[a], group_of[b]);
                group_of
                    .iter_mut()
                    .filter(|of| **of == from)
                    .for_each(|of| *of = to);
            }
        }
    }
    spans.sort_by_key(|span| (span.start, span.index));
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for span in &spans {
        let same = |group: &&mut Vec<usize>| group_of[group[0]] == group_of[span.index];
        match groups.iter_mut().find(same) {
            Some(group) => group.push(span.index),
            None => groups.push(vec![span.index]),
        }
    }
    groups.retain(|group| group.len() > 1);
    groups
}

/// Few instants, so that all kinds of meetings happen; a third of the events has no length.
fn event() -> impl Strategy<Value = (Instant, Instant)> {
    let length = prop_oneof![1 => Just(0), 2 => 1..6_i128];
    (0..24_i128, length).prop_map(|(start, length)| (start, start + length))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_groups_are_those_of_the_oracle(input in vec(event(), 0..24)) {
        prop_assert_eq!(swept(&input), oracle(&input));
    }

    #[test]
    fn the_order_of_the_input_decides_nothing_but_ties(
        (input, shuffled) in vec(event(), 0..16)
            .prop_map(|input| input.into_iter().enumerate().collect::<Vec<_>>())
            .prop_flat_map(|input| (Just(input.clone()), Just(input).prop_shuffle()))
    ) {
        let members = |of: &[(usize, (Instant, Instant))]| -> Vec<Vec<usize>> {
            let events: Vec<_> = of.iter().map(|(_, event)| *event).collect();
            let mut groups = swept(&events);
            for group in &mut groups {
                group.iter_mut().for_each(|index| *index = of[*index].0);
                group.sort();
            }
            groups
        };
        prop_assert_eq!(members(&input), members(&shuffled));
    }
}

#[test]
fn nothing_and_one_event_do_not_conflict() {
    assert_eq!(swept(&[]), [[0; 0]; 0]);
    assert_eq!(swept(&[(0, 10)]), [[0; 0]; 0]);
}

#[test]
fn overlap_is_transitive() {
    assert_eq!(swept(&[(8, 12), (0, 5), (4, 9)]), [[1, 2, 0]]);
}

#[test]
fn a_long_event_holds_those_apart_from_each_other_together() {
    assert_eq!(
        swept(&[(0, 100), (10, 20), (30, 40), (99, 101)]),
        [[0, 1, 2, 3]]
    );
}

#[test]
fn touching_is_no_conflict() {
    assert_eq!(swept(&[(0, 5), (5, 10), (10, 15)]), [[0; 0]; 0]);
}

#[test]
fn one_nanosecond_in_common_is_a_conflict() {
    let day = 86_400_000_000_000;
    assert_eq!(swept(&[(0, day + 1), (day, 2 * day)]), [[0, 1]]);
}

#[test]
fn groups_come_in_order_of_start_and_ties_in_input_order() {
    assert_eq!(
        swept(&[(20, 30), (20, 25), (0, 3), (20, 21), (1, 2)]),
        [vec![2, 4], vec![0, 1, 3]]
    );
}

#[test]
fn an_instant_conflicts_with_what_holds_it_in_either_order() {
    assert_eq!(
        swept(&[(5, 5), (5, 9)]),
        [[0, 1]],
        "at the start, listed before"
    );
    assert_eq!(
        swept(&[(5, 9), (5, 5)]),
        [[0, 1]],
        "at the start, listed after"
    );
    assert_eq!(swept(&[(7, 7), (5, 9)]), [[1, 0]], "within");
    assert_eq!(swept(&[(9, 9), (5, 9)]), [[0; 0]; 0], "at the end");
}

#[test]
fn instants_alone_do_not_conflict() {
    assert_eq!(swept(&[(5, 5), (5, 5), (5, 5)]), [[0; 0]; 0]);
    assert_eq!(
        swept(&[(5, 5), (5, 5), (5, 6)]),
        [[0, 1, 2]],
        "but with one that holds both"
    );
}

#[test]
fn an_instant_between_two_that_touch_belongs_to_the_later_one() {
    assert_eq!(swept(&[(0, 5), (5, 5), (5, 9)]), [[1, 2]]);
    assert_eq!(swept(&[(0, 5), (5, 9), (5, 5)]), [[1, 2]]);
}

#[test]
fn an_instant_connects_nothing() {
    assert_eq!(
        swept(&[(0, 6), (4, 5), (6, 6), (6, 8), (7, 9)]),
        [vec![0, 1], vec![2, 3, 4]]
    );
}
