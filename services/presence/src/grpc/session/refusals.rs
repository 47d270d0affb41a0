//! What was refused of a request.

use muster_proto::muster::presence::v1 as pb;

use crate::error::{BadField, Error};

/// Refusals that are told of one request; the others are counted.
const TOLD_MAX: usize = 100;

/// What was refused of a request.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    /// Of which list in it: `connect.connections`.
    list: &'static str,
    told: Vec<pb::Refusal>,
    count: u32,
}

impl Refusals {
    /// Of parts of a list, none so far.
    pub(super) fn of_list(list: &'static str) -> Self {
        Self {
            list,
            ..Self::default()
        }
    }

    /// Of a request that is bad as a whole.
    pub(super) fn of_field(bad: BadField) -> Self {
        let mut refusals = Self::default();
        refusals.push(bad.field, bad.why, false);
        refusals
    }

    /// Refuses the part that stands there in the list.
    pub(super) fn add(&mut self, at: usize, error: Error) {
        let part = format!("{}[{at}]", self.list);
        match error {
            Error::Field(bad) if bad.field.is_empty() => self.push(part, bad.why, false),
            Error::Field(bad) => self.push(format!("{part}.{}", bad.field), bad.why, false),
            other => self.push(part, other.to_string(), true),
        }
    }

    fn push(&mut self, field: String, description: String, is_for_now: bool) {
        self.count += 1;
        if self.told.len() < TOLD_MAX {
            self.told.push(pb::Refusal {
                field,
                description,
                is_for_now,
            });
        }
    }

    /// As the client is told.
    pub(super) fn outcome(self, request_id: u64) -> pb::Outcome {
        pb::Outcome {
            request_id,
            refusals: self.told,
            refused_count: self.count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_bad_for_good_is_told_from_what_may_be_done_later() {
        let mut refusals = Refusals::of_list("connect.connections");
        refusals.add(3, BadField::new("user", "must not be empty").into());
        refusals.add(4, Error::TooManyConnections { max: 7 });
        let told = refusals.outcome(9).refusals;
        assert_eq!(
            (&*told[0].field, told[0].is_for_now),
            ("connect.connections[3].user", false)
        );
        assert_eq!(
            (&*told[1].field, told[1].is_for_now),
            ("connect.connections[4]", true)
        );
    }

    #[test]
    fn a_hundred_are_told_and_all_are_counted() {
        let mut refusals = Refusals::of_list("watch.users");
        for at in 0..1000 {
            refusals.add(at, BadField::new("", "must not be empty").into());
        }
        let outcome = refusals.outcome(0);
        assert_eq!((outcome.refusals.len(), outcome.refused_count), (100, 1000));
        assert_eq!(outcome.refusals[99].field, "watch.users[99]");
    }
}
