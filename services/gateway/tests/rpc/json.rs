//! Protobuf → JSON → protobuf keeps every message of every open method as it is.

use std::collections::HashMap;
use std::sync::LazyLock;

use muster_gateway::rpc::json;
use muster_gateway::rpc::method::Methods;
use proptest::prelude::*;
use proptest::strategy::LazyJust;
use prost::Message;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage, Value,
};

/// Messages within messages, at most so deep.
const DEPTH: usize = 4;

fn value(kind: Kind, depth: usize) -> BoxedStrategy<Value> {
    match kind {
        Kind::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Kind::Int32 => any::<i32>().prop_map(Value::I32).boxed(),
        Kind::Int64 => any::<i64>().prop_map(Value::I64).boxed(),
        Kind::Uint32 => any::<u32>().prop_map(Value::U32).boxed(),
        Kind::Uint64 => any::<u64>().prop_map(Value::U64).boxed(),
        Kind::String => any::<String>().prop_map(Value::String).boxed(),
        Kind::Enum(kind) => {
            let numbers: Vec<i32> = kind.values().map(|value| value.number()).collect();
            let named = proptest::sample::select(numbers);
            // Also one that has no name: a newer service may send it.
            prop_oneof![named, Just(77)]
                .prop_map(Value::EnumNumber)
                .boxed()
        }
        Kind::Message(kind) => message(kind, depth).prop_map(Value::Message).boxed(),
        other => panic!("{other:?} is in no contract yet: say here how to make one"),
    }
}

fn field(field: &FieldDescriptor, depth: usize) -> BoxedStrategy<Value> {
    if field.is_map() {
        let entry = field.kind().as_message().unwrap().clone();
        let values = value(entry.map_entry_value_field().kind(), depth);
        let entries = proptest::collection::hash_map(any::<String>(), values, 0..3);
        let keyed = |entries: HashMap<String, Value>| {
            let entries = entries.into_iter();
            Value::Map(
                entries
                    .map(|(key, value)| (MapKey::String(key), value))
                    .collect(),
            )
        };
        return entries.prop_map(keyed).boxed();
    }
    let one = value(field.kind(), depth);
    match field.is_list() {
        true => proptest::collection::vec(one, 0..3)
            .prop_map(Value::List)
            .boxed(),
        false => one,
    }
}

fn message(kind: MessageDescriptor, depth: usize) -> BoxedStrategy<DynamicMessage> {
    let empty = DynamicMessage::new(kind.clone());
    match kind.full_name() {
        "google.protobuf.Timestamp" => return time(kind, -62_135_596_800..253_402_300_800),
        "google.protobuf.Duration" => return time(kind, 0..315_576_000_000),
        _ if depth == 0 => return LazyJust::new(move || empty.clone()).boxed(),
        _ => {}
    }
    let fields = kind.fields().map(|one| {
        let value = field(&one, depth - 1);
        proptest::option::of(value).prop_map(move |value| (one.clone(), value))
    });
    let filled = move |fields: Vec<(FieldDescriptor, Option<Value>)>| {
        let mut message = empty.clone();
        for (field, value) in fields {
            if let Some(value) = value {
                // Of a oneof the last one stays.
                message.set_field(&field, value);
            }
        }
        message
    };
    fields.collect::<Vec<_>>().prop_map(filled).boxed()
}

fn time(kind: MessageDescriptor, seconds: std::ops::Range<i64>) -> BoxedStrategy<DynamicMessage> {
    let made = move |(seconds, nanos): (i64, i32)| {
        let mut message = DynamicMessage::new(kind.clone());
        message.set_field_by_name("seconds", Value::I64(seconds));
        message.set_field_by_name("nanos", Value::I32(nanos));
        message
    };
    (seconds, 0..1_000_000_000).prop_map(made).boxed()
}

/// Any message of any open method.
fn any_message() -> BoxedStrategy<DynamicMessage> {
    let methods = Methods::read().unwrap();
    let kinds = methods
        .open()
        .flat_map(|method| [method.input.clone(), method.output.clone()]);
    let kinds: Vec<MessageDescriptor> = kinds.collect();
    assert!(kinds.len() >= 30);
    proptest::sample::select(kinds)
        .prop_flat_map(|kind| message(kind, DEPTH))
        .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_message_survives_the_way_through_json(message in any_message()) {
        // What was never set and what is empty are the same once they are encoded.
        let (kind, encoded) = (message.descriptor(), message.encode_to_vec());
        let message = DynamicMessage::decode(kind.clone(), encoded.as_slice()).unwrap();
        let json = json::encode(kind.clone(), &encoded).unwrap();
        let read: serde_json::Value = serde_json::from_slice(&json).unwrap();
        prop_assert!(read.is_object());
        let back = json::decode(&kind, &json).unwrap();
        prop_assert_eq!(DynamicMessage::decode(kind, back).unwrap(), message);
    }
}

/// A JSON document that is near enough to a message to get far: its keys are names of fields.
fn near_json() -> impl Strategy<Value = String> {
    let names = [
        "id",
        "userId",
        "user_id",
        "events",
        "filter",
        "topic",
        "topicPrefix",
        "attributes",
        "sentAt",
        "start",
        "end",
        "status",
        "content",
        "users",
        "tasks",
        "maxAge",
        "createdAt",
    ];
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<i64>().prop_map(|value| value.to_string()),
        any::<f64>().prop_map(|value| value.to_string()),
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        "\"-?[0-9]{1,12}(\\.[0-9]{0,12})?s?\"",
        "\"[0-9+]{1,6}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,12})?(Z|[+-][0-9]{2}:[0-9]{2})?\"",
        "[\\[\\]{},:\"0-9a-z]{0,8}",
    ];
    leaf.prop_recursive(4, 32, 4, move |inner| {
        let list = proptest::collection::vec(inner.clone(), 0..4);
        let entry = (proptest::sample::select(names.to_vec()), inner);
        let object = proptest::collection::vec(entry, 0..4);
        prop_oneof![
            list.prop_map(|parts| format!("[{}]", parts.join(","))),
            object.prop_map(|entries| {
                let entry = |(name, value): &(&str, String)| format!("\"{name}\":{value}");
                let entries: Vec<String> = entries.iter().map(entry).collect();
                format!("{{{}}}", entries.join(","))
            }),
        ]
    })
}

/// What open methods take.
static INPUTS: LazyLock<Vec<MessageDescriptor>> = LazyLock::new(|| {
    let methods = Methods::read().unwrap();
    methods.open().map(|method| method.input.clone()).collect()
});

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_is_a_message_or_refused(json in near_json(), bytes in any::<Vec<u8>>()) {
        for kind in INPUTS.iter() {
            for body in [json.as_bytes(), &bytes] {
                match json::decode(kind, body) {
                    Ok(message) => prop_assert!(DynamicMessage::decode(kind.clone(), message).is_ok()),
                    Err(status) => prop_assert_eq!(status.code(), tonic::Code::InvalidArgument),
                }
            }
        }
    }
}
