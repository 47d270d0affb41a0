//! Events as rows.

use rusqlite::Row;
use rusqlite::types::Type;

use crate::event::{Attributes, Event};

/// The event of a row: position, topic, id, message, both times, kind, attributes.
pub(super) fn event(row: &Row<'_>) -> rusqlite::Result<Event> {
    Ok(Event {
        position: row.get(0)?,
        topic: row.get(1)?,
        id: row.get(2)?,
        message: row.get(3)?,
        send_ns: row.get(4)?,
        receive_ns: row.get(5)?,
        kind: row.get(6)?,
        attributes: match row.get_ref(7)?.as_str_or_null()? {
            Some(json) => decode(json)?,
            None => Attributes::new(),
        },
    })
}

/// A JSON object; `None` for no attributes, which cost nothing so.
pub(super) fn encode(attributes: &Attributes) -> rusqlite::Result<Option<String>> {
    if attributes.is_empty() {
        return Ok(None);
    }
    let json = serde_json::to_string(attributes);
    json.map(Some)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

fn decode(json: &str) -> rusqlite::Result<Attributes> {
    serde_json::from_str(json)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(7, Type::Text, error.into()))
}
