//! Trims and retentions.

use std::time::Duration;

use muster_proto::muster::activity::v1 as pb;
use pb::trim_request::Topics as Wanted;

use super::{filter, time};
use crate::error::BadField;
use crate::retention::{Retention, check_prefix};
use crate::selection::Topics;
use crate::topic::Topic;
use crate::trim::Trim;

pub(super) fn trim(request: pb::TrimRequest) -> Result<Trim, BadField> {
    let topics = match request.topics {
        Some(Wanted::Topic(name)) => Topics::One(Topic::parse(name)?.into_string()),
        Some(Wanted::TopicPrefix(prefix)) => filter::prefix(prefix)?,
        None => return Err(BadField::new("topic", "required, or topic_prefix")),
    };
    let received_before = request.received_before;
    let received_before_ns = received_before
        .map(|before| time::ns("received_before", before))
        .transpose()?;
    Trim::new(topics, request.up_to_position, received_before_ns)
}

/// A prefix, and how long its events are kept from now on.
pub(super) fn retention(
    request: pb::SetRetentionRequest,
) -> Result<(String, Option<Duration>), BadField> {
    let prefix = request.topic_prefix;
    let Some(max_age) = request.max_age else {
        check_prefix(&prefix)?;
        return Ok((prefix, None));
    };
    let max_age = Duration::try_from(max_age)
        .map_err(|_| BadField::new("max_age", "negative, or not a duration"))?;
    let retention = Retention::new(prefix, max_age)?;
    Ok((retention.prefix, Some(retention.max_age)))
}

pub(super) fn retention_told(retention: &Retention) -> pb::Retention {
    pb::Retention {
        topic_prefix: retention.prefix.clone(),
        max_age: prost_types::Duration::try_from(retention.max_age).ok(),
    }
}
