//! What OpenTelemetry's own variables say. Traces are off unless they name a collector.
//! <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables>

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use percent_encoding::percent_decode_str;

use super::sampler::Sampler;
use crate::config::{BadSetting, Environment};

/// Where OTLP over gRPC is served by convention.
const PORT: u16 = 4317;

/// How spans are recorded and exported.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Settings {
    /// `host:port` of the collector.
    pub(super) collector: String,
    /// Whether it is spoken to over TLS.
    pub(super) is_tls: bool,
    /// What it gets with each call.
    pub(super) headers: HeaderMap,
    /// How long a batch may take, attempts included.
    pub(super) timeout: Duration,
    /// What the services are called, where it is said.
    pub(super) service_name: Option<String>,
    /// More about this process.
    pub(super) attributes: Vec<(String, String)>,
    pub(super) sampler: Sampler,
    /// How long a part of a batch waits for the rest.
    pub(super) delay: Duration,
    /// Spans that wait.
    pub(super) queue: usize,
    /// Spans that are sent at once.
    pub(super) batch: usize,
}

/// A variable that is given; empty counts as absent.
struct Variable<'a> {
    name: &'a str,
    text: &'a str,
}

impl Settings {
    /// `None` if traces are off.
    ///
    /// # Errors
    /// A variable says what cannot be.
    pub(super) fn read(environment: &Environment) -> Result<Option<Self>, BadSetting> {
        let of_traces = |name| of_traces(environment, name);
        let (Some(endpoint), false) = (of_traces("ENDPOINT"), is_disabled(environment)?) else {
            return Ok(None);
        };
        if let Some(protocol) = of_traces("PROTOCOL").filter(|protocol| protocol.text != "grpc") {
            return Err(protocol.bad("expected grpc, which is what is spoken here"));
        }
        let (collector, is_tls) = endpoint.read(collector)?;
        let headers = of_traces("HEADERS").map(|headers| headers.read_secret(self::headers));
        let timeout_ms = of_traces("TIMEOUT").map_or(Ok(10_000), |timeout| timeout.number())?;
        let limit_ms = number(environment, "OTEL_BSP_EXPORT_TIMEOUT", 30_000)?;
        let attributes = variable(environment, "OTEL_RESOURCE_ATTRIBUTES");
        let queue = number(environment, "OTEL_BSP_MAX_QUEUE_SIZE", 2_048)?;
        let delay_ms = number(environment, "OTEL_BSP_SCHEDULE_DELAY", 5_000)?;
        let batch = number(environment, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512)?;
        Ok(Some(Self {
            collector,
            is_tls,
            headers: headers.transpose()?.unwrap_or_default(),
            timeout: Duration::from_millis(timeout_ms.min(limit_ms)),
            service_name: variable(environment, "OTEL_SERVICE_NAME")
                .map(|name| name.text.to_owned()),
            attributes: attributes.map_or(Ok(Vec::new()), |pairs| pairs.read(self::pairs))?,
            sampler: sampler(environment)?,
            // Not at all would be round and round without a rest.
            delay: Duration::from_millis(delay_ms.max(1)),
            queue: queue.max(1) as usize,
            batch: batch.max(1) as usize,
        }))
    }
}

impl<'a> Variable<'a> {
    fn bad(&self, why: impl Display) -> BadSetting {
        BadSetting::of_variable(self.name, self.text, why)
    }

    fn read<T>(&self, read: impl FnOnce(&'a str) -> Result<T, String>) -> Result<T, BadSetting> {
        read(self.text).map_err(|why| self.bad(why))
    }

    /// The same, of what no message may repeat.
    fn read_secret<T>(
        &self,
        read: impl FnOnce(&'a str) -> Result<T, String>,
    ) -> Result<T, BadSetting> {
        read(self.text).map_err(|why| BadSetting::of_variable(self.name, "***", why))
    }

    fn parse<T: FromStr<Err: Display>>(&self) -> Result<T, BadSetting> {
        self.text.parse().map_err(|why| self.bad(why))
    }

    fn number(&self) -> Result<u64, BadSetting> {
        self.parse()
    }
}

fn variable<'a>(environment: &'a Environment, name: &'a str) -> Option<Variable<'a>> {
    let text = environment.get(name).filter(|text| !text.is_empty())?;
    Some(Variable { name, text })
}

/// The variable of the exporter for traces, or that for all signals.
fn of_traces<'a>(environment: &'a Environment, name: &str) -> Option<Variable<'a>> {
    let (own, all) = (
        format!("OTEL_EXPORTER_OTLP_TRACES_{name}"),
        format!("OTEL_EXPORTER_OTLP_{name}"),
    );
    let given = |of: &str| {
        let (name, text) = environment.get_key_value(of)?;
        (!text.is_empty()).then_some(Variable { name, text })
    };
    given(&own).or_else(|| given(&all))
}

fn number(environment: &Environment, name: &str, default: u64) -> Result<u64, BadSetting> {
    variable(environment, name).map_or(Ok(default), |number| number.number())
}

fn is_disabled(environment: &Environment) -> Result<bool, BadSetting> {
    let exporter = variable(environment, "OTEL_TRACES_EXPORTER");
    match exporter.as_ref().map(|exporter| exporter.text) {
        None | Some("otlp") => {}
        Some("none") => return Ok(true),
        Some(_) => return exporter.map_or(Ok(true), |it| Err(it.bad("expected otlp or none"))),
    }
    let disabled = variable(environment, "OTEL_SDK_DISABLED");
    Ok(disabled.is_some_and(|it| it.text.eq_ignore_ascii_case("true")))
}

fn sampler(environment: &Environment) -> Result<Sampler, BadSetting> {
    let sampler = variable(environment, "OTEL_TRACES_SAMPLER");
    let sampler: Sampler = sampler.map_or(Ok(Sampler::default()), |name| name.parse())?;
    match variable(environment, "OTEL_TRACES_SAMPLER_ARG") {
        Some(share) => sampler.with_share(share.text).map_err(|why| share.bad(why)),
        None => Ok(sampler),
    }
}

/// `host:port` of an address, and whether it is one of TLS.
fn collector(text: &str) -> Result<(String, bool), String> {
    let expected = || "expected http://host:port, https://host:port or host:port".to_owned();
    let uri: Uri = text.parse().map_err(|_| expected())?;
    let is_tls = match uri.scheme_str() {
        None | Some("http") => false,
        Some("https") => true,
        Some(_) => return Err(expected()),
    };
    let host = uri.host().filter(|host| !host.is_empty());
    let host = host.ok_or_else(expected)?;
    let port = uri.port_u16().unwrap_or(PORT);
    Ok((format!("{host}:{port}"), is_tls))
}

/// `name=value,…`, of which values may be percent-encoded.
fn pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    let parts = text.split(',').map(str::trim);
    parts
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (name, value) = part
                .split_once('=')
                .ok_or_else(|| "expected name=value,name=value".to_owned())?;
            let value = percent_decode_str(value.trim()).decode_utf8();
            let value = value.map_err(|_| format!("{name}: not UTF-8"))?;
            Ok((name.trim().to_owned(), value.into_owned()))
        })
        .collect()
}

/// They may hold secrets, so that no message repeats any of it: where one is misspelt, a secret may stand in its name.
fn headers(text: &str) -> Result<HeaderMap, String> {
    let expected = || "expected headers as name=value,name=value".to_owned();
    let mut headers = HeaderMap::new();
    for (name, value) in pairs(text).map_err(|_| expected())? {
        let name = HeaderName::try_from(name.to_ascii_lowercase()).map_err(|_| expected())?;
        let mut value = HeaderValue::try_from(value).map_err(|_| expected())?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Option<Settings>, BadSetting> {
        let own = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        Settings::read(&pairs.iter().map(own).collect())
    }

    const AT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317");

    #[test]
    fn traces_are_off_unless_a_collector_is_named() {
        for off in [
            &[][..],
            &[("OTEL_SERVICE_NAME", "x")],
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", "")],
            &[AT, ("OTEL_SDK_DISABLED", "true")],
            &[AT, ("OTEL_TRACES_EXPORTER", "none")],
        ] {
            assert_eq!(read(off), Ok(None), "{off:?}");
        }
    }

    #[test]
    fn what_is_not_said_is_as_the_specification_has_it() {
        let settings = read(&[AT]).unwrap().unwrap();
        assert_eq!(settings.collector, "collector:4317");
        assert!(!settings.is_tls && settings.headers.is_empty());
        assert_eq!(settings.timeout, Duration::from_secs(10));
        assert_eq!(settings.sampler, Sampler::default());
        let queue = (settings.delay, settings.queue, settings.batch);
        assert_eq!(queue, (Duration::from_secs(5), 2_048, 512));
    }

    #[test]
    fn all_that_is_said_is_honoured_and_what_is_for_traces_comes_first() {
        let settings = read(&[
            AT,
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://[::1]"),
            (
                "OTEL_EXPORTER_OTLP_HEADERS",
                "Authorization=Bearer%20x, a=1",
            ),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "700"),
            ("OTEL_SERVICE_NAME", "shop"),
            (
                "OTEL_RESOURCE_ATTRIBUTES",
                "deployment.environment.name=a%2Cb",
            ),
            ("OTEL_TRACES_SAMPLER", "traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.5"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "7"),
        ]);
        let settings = settings.unwrap().unwrap();
        assert_eq!(
            (&*settings.collector, settings.is_tls),
            ("[::1]:4317", true)
        );
        assert_eq!(settings.headers["authorization"], "Bearer x");
        assert_eq!(settings.timeout, Duration::from_millis(700));
        assert_eq!(settings.service_name.as_deref(), Some("shop"));
        let pair = ("deployment.environment.name".to_owned(), "a,b".to_owned());
        assert_eq!(settings.attributes, [pair]);
        assert_eq!(settings.queue, 7);
        let half = Sampler::default();
        assert_ne!(settings.sampler, half);
    }

    #[test]
    fn a_bad_value_is_refused_and_named() {
        for (name, text) in [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "unix:///x"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
            ("OTEL_TRACES_EXPORTER", "zipkin"),
            ("OTEL_TRACES_SAMPLER", "often"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "-1"),
            ("OTEL_RESOURCE_ATTRIBUTES", "x"),
        ] {
            let refused = read(&[AT, (name, text)]).unwrap_err().to_string();
            assert!(refused.contains(name), "{refused}");
        }
    }

    #[test]
    fn spans_are_not_looked_for_without_a_rest() {
        let settings = read(&[AT, ("OTEL_BSP_SCHEDULE_DELAY", "0")]).unwrap();
        assert!(settings.unwrap().delay > Duration::ZERO);
    }

    #[test]
    fn no_message_tells_what_is_in_the_headers() {
        for text in [
            "secret",
            "Authorization: Bearer secret==",
            "a=secret%ff",
            "a=secret%0a",
        ] {
            let refused = read(&[AT, ("OTEL_EXPORTER_OTLP_HEADERS", text)]).unwrap_err();
            assert!(!refused.to_string().contains("secret"), "{refused}");
        }
        let settings = read(&[AT, ("OTEL_EXPORTER_OTLP_HEADERS", "a=secret")]).unwrap();
        let shown = format!("{settings:?}");
        assert!(!shown.contains("secret"), "{shown}");
    }
}
