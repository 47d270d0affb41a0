//! Who recorded a span.

use muster_proto::otlp::{AnyValue, InstrumentationScope, KeyValue, Resource, any_value};

use super::id;
use super::settings::Settings;

/// What all services of the process have in common.
#[derive(Debug)]
pub(super) struct Process {
    service_name: Option<String>,
    attributes: Vec<(String, String)>,
}

impl Process {
    pub(super) fn new(settings: &Settings) -> Self {
        let own = [
            ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
            ("service.instance.id", format!("{:032x}", id::trace_id())),
            ("service.namespace", "muster".to_owned()),
            ("telemetry.sdk.language", "rust".to_owned()),
            ("telemetry.sdk.name", "muster".to_owned()),
            (
                "telemetry.sdk.version",
                env!("CARGO_PKG_VERSION").to_owned(),
            ),
        ];
        // What is said wins over what we know.
        let is_said = |name: &str| settings.attributes.iter().any(|(said, _)| said == name);
        let own = own.into_iter().filter(|(name, _)| !is_said(name));
        let mut attributes: Vec<_> = own.map(|(name, value)| (name.to_owned(), value)).collect();
        attributes.extend(settings.attributes.iter().cloned());
        let named = attributes
            .iter()
            .position(|(name, _)| name == "service.name");
        let named = named.map(|at| attributes.remove(at).1);
        Self {
            service_name: settings.service_name.clone().or(named),
            attributes,
        }
    }

    /// One of its services.
    pub(super) fn resource(&self, service: &str) -> Resource {
        let name = match &self.service_name {
            Some(name) => name.clone(),
            None => format!("muster-{service}"),
        };
        let rest = self.attributes.iter();
        let mut attributes = vec![attribute("service.name", &name)];
        attributes.extend(rest.map(|(name, value)| attribute(name, value)));
        Resource { attributes }
    }
}

/// The library that records.
pub(super) fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

fn attribute(name: &str, value: &str) -> KeyValue {
    let value = any_value::Value::StringValue(value.to_owned());
    KeyValue {
        key: name.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
    }
}
