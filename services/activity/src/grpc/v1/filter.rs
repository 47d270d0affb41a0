//! Filters.

use muster_proto::muster::activity::v1 as pb;
use pb::event_filter::Topics as Wanted;

use super::time;
use crate::error::BadField;
use crate::retention::check_prefix;
use crate::selection::{Selection, Topics};
use crate::topic::Topic;

/// The selection of a request's `filter`; all where there is none.
pub(super) fn selection(filter: Option<pb::EventFilter>) -> Result<Selection, BadField> {
    let Some(filter) = filter else {
        return Ok(Selection::prefix(""));
    };
    let selection = of_filter(filter);
    selection.map_err(|bad| bad.within("filter"))
}

fn of_filter(filter: pb::EventFilter) -> Result<Selection, BadField> {
    let received_from = filter.received_from;
    let received_before = filter.received_before;
    Ok(Selection {
        kind: Some(filter.kind).filter(|kind| !kind.is_empty()),
        received_from_ns: received_from
            .map_or(Ok(i64::MIN), |from| time::ns("received_from", from))?,
        received_before_ns: received_before
            .map(|before| time::ns("received_before", before))
            .transpose()?,
        ..Selection::of(topics(filter.topics)?)
    })
}

fn topics(wanted: Option<Wanted>) -> Result<Topics, BadField> {
    match wanted {
        Some(Wanted::Topic(name)) => Ok(Topics::One(Topic::parse(name)?.into_string())),
        Some(Wanted::TopicPrefix(begin)) => prefix(begin),
        None => Ok(Topics::Prefix(String::new())),
    }
}

/// All topics that begin like this.
pub(super) fn prefix(prefix: String) -> Result<Topics, BadField> {
    check_prefix(&prefix)?;
    Ok(Topics::Prefix(prefix))
}
