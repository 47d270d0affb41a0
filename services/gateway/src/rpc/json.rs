//! JSON ⇄ protobuf, made from the descriptors alone: the canonical JSON form of protobuf.

use bytes::Bytes;
use muster_kit::status;
use prost_reflect::{DeserializeOptions, DynamicMessage, MessageDescriptor};
use serde::Deserializer;
use serde_path_to_error::Track;
use tonic::Status;

mod fields;

use fields::Fields;

/// A misspelt field is refused rather than passed over.
const OPTIONS: DeserializeOptions = DeserializeOptions::new().deny_unknown_fields(true);

/// The message that a JSON object says, encoded.
///
/// # Errors
/// INVALID_ARGUMENT: it is no JSON object, or one of its fields is unknown or bad; the field is
/// named (`events[3].end`).
pub fn decode(kind: &MessageDescriptor, json: &[u8]) -> Result<Bytes, Status> {
    if json.iter().all(u8::is_ascii_whitespace) {
        return Err(status::invalid(
            "body",
            "expected a JSON object, found nothing",
        ));
    }
    let mut reader = serde_json::Deserializer::from_slice(json);
    let mut track = Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut reader, &mut track);
    let mut message = Vec::new();
    let fields = Fields {
        kind,
        into: &mut message,
    };
    match tracked.deserialize_map(fields).and_then(|()| reader.end()) {
        Ok(()) => Ok(message.into()),
        Err(error) => Err(refusal(track, &error)),
    }
}

/// An encoded message as JSON. Fields that this build does not know are left out.
///
/// # Errors
/// INTERNAL: it is no such message.
pub fn encode(kind: MessageDescriptor, message: &[u8]) -> Result<Bytes, Status> {
    let message =
        DynamicMessage::decode(kind, message).map_err(|error| status::internal(&error))?;
    let json = serde_json::to_vec(&message).map_err(|error| status::internal(&error))?;
    Ok(json.into())
}

/// Names the field in which the trouble lies, if it does in one.
fn refusal(track: Track, error: &serde_json::Error) -> Status {
    if !error.is_data() {
        return status::invalid("body", format!("expected JSON: {error}"));
    }
    match track.path().to_string().as_str() {
        "" | "." => status::invalid("body", error.to_string()),
        field => status::invalid(field, error.to_string()),
    }
}
