//! Appends a batch: each event for itself, or all of them or none.

use super::append::{Appender, Outcome};
use crate::batch::{Batch, Fate};
use crate::error::Error;

/// What became of the batch, or why nothing of it is stored.
pub(super) type Fates = Result<Vec<Fate>, Error>;

/// Appends the batch to the group.
pub(super) fn append(appender: &mut Appender<'_>, batch: &Batch) -> rusqlite::Result<Fates> {
    match batch.expected_last() {
        None => append_each(appender, batch),
        Some(expected) => {
            appender.all_or_nothing(|appender| append_whole(appender, batch, expected))
        }
    }
}

fn append_each(appender: &mut Appender<'_>, batch: &Batch) -> rusqlite::Result<Fates> {
    let mut fates = Vec::with_capacity(batch.events().len());
    for event in batch.events() {
        match fate(appender.append(event)?) {
            Ok(fate) => fates.push(fate),
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(Ok(fates))
}

/// The expected position need not hold where all is there already: the caller repeats what it
/// did not hear of.
fn append_whole(
    appender: &mut Appender<'_>,
    batch: &Batch,
    expected: i64,
) -> rusqlite::Result<Fates> {
    let Some(first) = batch.events().first() else {
        return Ok(Ok(Vec::new()));
    };
    let last = appender.last_of(&first.topic)?;
    let fates = match append_each(appender, batch)? {
        Ok(fates) => fates,
        Err(error) => return Ok(Err(error)),
    };
    let is_repeated = fates
        .iter()
        .all(|fate| matches!(fate, Fate::AlreadyThere(_)));
    if last != expected && !is_repeated {
        return Ok(Err(Error::OtherLastPosition { expected, last }));
    }
    let conflict = fates
        .iter()
        .position(|fate| matches!(fate, Fate::Conflict(_)));
    Ok(match conflict {
        Some(index) => Err(Error::Conflict { index }),
        None => Ok(fates),
    })
}

fn fate(outcome: Outcome) -> Result<Fate, Error> {
    match outcome {
        Outcome::Stored { position, .. } => Ok(Fate::Stored(position)),
        Outcome::AlreadyThere(original) => Ok(Fate::AlreadyThere(original.position)),
        Outcome::Removed { position } => Ok(Fate::AlreadyThere(position)),
        Outcome::OtherContent { position } => Ok(Fate::Conflict(position)),
        Outcome::NoIdLeft => Err(Error::NoIdLeft),
    }
}
