//! Reads the fields of a JSON object one by one, and encodes each as soon as it is read.
//!
//! A dynamic message takes up to a hundred times the memory of the JSON that it comes from. In protobuf two encodings in
//! a row are the encoding of both messages in one; so no more is held as a dynamic message than one field, or one
//! element of a list.

use std::fmt;

use prost::Message;
use prost::encoding::{WireType, encode_key};
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor};
use serde::de::value::MapAccessDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};

use super::OPTIONS;

/// The fields of a message of this kind, encoded behind what is in `into` already.
pub(super) struct Fields<'a> {
    pub(super) kind: &'a MessageDescriptor,
    pub(super) into: &'a mut Vec<u8>,
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Fields { kind, into } = self;
        while let Some(name) = map.next_key::<String>()? {
            let field = kind.get_field_by_json_name(&name);
            let field = field.or_else(|| kind.get_field_by_name(&name));
            match field.as_ref().and_then(list_of_messages) {
                Some((number, kind)) => map.next_value_seed(List { number, kind, into })?,
                None => map.next_value_seed(Field { name, kind, into })?,
            }
        }
        Ok(())
    }
}

/// The number of a field that is a list of messages, and their kind.
fn list_of_messages(field: &FieldDescriptor) -> Option<(u32, MessageDescriptor)> {
    match field.kind() {
        Kind::Message(kind) if field.is_list() => Some((field.number(), kind)),
        _ => None,
    }
}

/// A list of messages, element by element.
struct List<'a> {
    number: u32,
    kind: MessageDescriptor,
    into: &'a mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    /// `null` is an empty list.
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Element(&mut self))?.is_some() {}
        Ok(())
    }
}

struct Element<'a, 'b>(&'a mut List<'b>);

impl<'de> DeserializeSeed<'de> for Element<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        let List { number, kind, into } = self.0;
        let message = DynamicMessage::deserialize_with_options(kind.clone(), value, &OPTIONS)?;
        encode_key(*number, WireType::LengthDelimited, into);
        message.encode_length_delimited(into).map_err(Error::custom)
    }
}

/// Any other field, as a message in which it alone is set.
struct Field<'a> {
    name: String,
    kind: &'a MessageDescriptor,
    into: &'a mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for Field<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        let alone = MapAccessDeserializer::new(Alone {
            name: Some(self.name),
            value: Some(value),
        });
        let message = DynamicMessage::deserialize_with_options(self.kind.clone(), alone, &OPTIONS)?;
        message.encode(self.into).map_err(Error::custom)
    }
}

/// An object of one field.
struct Alone<D> {
    name: Option<String>,
    value: Option<D>,
}

impl<'de, D: Deserializer<'de>> MapAccess<'de> for Alone<D> {
    type Error = D::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, D::Error> {
        let name = self.name.take();
        name.map(|name| seed.deserialize(name.into_deserializer()))
            .transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, D::Error> {
        let value = self.value.take();
        seed.deserialize(value.ok_or_else(|| Error::custom("there is one value"))?)
    }
}
