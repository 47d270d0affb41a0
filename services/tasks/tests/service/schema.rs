//! As much of JSON Schema as the description of the API uses.

use serde_json::Value;

/// What `$ref` leads to, or the value itself.
pub(crate) fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(to) => {
            let found = document.pointer(to.trim_start_matches('#'));
            found.unwrap_or_else(|| panic!("{to} leads nowhere"))
        }
        None => value,
    }
}

/// All that is wrong with a value; each line begins with its place.
pub(crate) fn violations(document: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let schema = resolved(document, schema);
    let mut wrong = Vec::new();
    for (word, expected) in schema.as_object().unwrap() {
        if !holds(word, expected, value) {
            wrong.push(format!("{at}: {value} against {word} {expected}"));
        }
    }
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(value) = value.get(name) {
            wrong.extend(violations(document, schema, value, &format!("{at}.{name}")));
        }
    }
    if let (Some(items), Some(values)) = (schema.get("items"), value.as_array()) {
        let inside = values
            .iter()
            .flat_map(|value| violations(document, items, value, at));
        wrong.extend(inside);
    }
    wrong
}

fn holds(word: &str, expected: &Value, value: &Value) -> bool {
    let number = |limit: fn(i64, i64) -> bool| match (value.as_i64(), expected.as_i64()) {
        (Some(value), Some(expected)) => limit(value, expected),
        _ => true,
    };
    let chars = value.as_str().map(|text| text.chars().count() as u64);
    let length = |limit: fn(u64, u64) -> bool| match (chars, expected.as_u64()) {
        (Some(value), Some(expected)) => limit(value, expected),
        _ => true,
    };
    match word {
        "type" => match expected.as_array() {
            Some(kinds) => kinds.iter().any(|kind| is(kind, value)),
            None => is(expected, value),
        },
        "enum" => expected.as_array().unwrap().contains(value),
        "minimum" => number(|value, limit| value >= limit),
        "maximum" => number(|value, limit| value <= limit),
        "minLength" => length(|value, limit| value >= limit),
        "maxLength" => length(|value, limit| value <= limit),
        "minProperties" => value.as_object().is_some_and(|value| !value.is_empty()),
        "required" => {
            let names = expected.as_array().unwrap().iter();
            names
                .into_iter()
                .all(|name| value.get(name.as_str().unwrap()).is_some())
        }
        // Looked at elsewhere, or words for people.
        "properties" | "items" | "format" | "description" | "default" => true,
        other => panic!("{other} is not looked at"),
    }
}

fn is(kind: &Value, value: &Value) -> bool {
    match kind.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64(),
        "null" => value.is_null(),
        other => panic!("{other} is not looked at"),
    }
}

#[test]
fn a_value_that_breaks_a_schema_is_found_out() {
    let document = serde_json::json!({ "status": { "type": "integer", "enum": [0, 1] } });
    let schema = serde_json::json!({
        "type": "object",
        "required": ["name", "status"],
        "properties": {
            "name": { "type": ["string", "null"], "maxLength": 2 },
            "status": { "$ref": "#/status" },
            "many": { "type": "array", "items": { "type": "integer", "minimum": 1 } },
        },
    });
    let wrong = |text: &str| {
        let value = serde_json::from_str(text).unwrap();
        violations(&document, &schema, &value, "").len()
    };
    assert_eq!(
        wrong(r#"{"name":"é€","status":1,"many":[1,2],"more":{}}"#),
        0
    );
    assert_eq!(wrong(r#"{"name":null,"status":0}"#), 0);
    for bad in [
        r#"{"status":0}"#,
        r#"{"name":"abc","status":0}"#,
        r#"{"name":1,"status":0}"#,
        r#"{"name":"a","status":2}"#,
        r#"{"name":"a","status":0,"many":[1,0]}"#,
    ] {
        assert_eq!(wrong(bad), 1, "{bad}");
    }
}
