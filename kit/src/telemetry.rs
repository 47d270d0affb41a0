//! Logs: for people on a terminal, JSON otherwise; each line with its request's id, and where in which trace it is.
//!
//! No span is opened for a request (a subscriber would pay for it on every call): both lie in the
//! task, and are read when a line is written.

use std::fmt;
use std::io::IsTerminal;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::BadSetting;
use crate::request_id::RequestId;
use crate::trace::TraceContext;

/// The variable that says what is logged.
const FILTER: &str = "RUST_LOG";

/// What is logged where it says nothing. lapin logs as errors what it returns to us as well.
const DEFAULT_FILTER: &str = "info,lapin=off";

/// Installs the log of this process, on standard error; again does nothing.
///
/// # Errors
/// `RUST_LOG` is no filter.
pub fn install() -> Result<(), BadSetting> {
    let filter = match std::env::var(FILTER) {
        Ok(text) if !text.is_empty() => text,
        _ => DEFAULT_FILTER.to_owned(),
    };
    // Without regular expressions on the fields of spans: we have none, and they are 100 KB of every image.
    let targets: Targets = filter
        .parse()
        .map_err(|why| BadSetting::of_variable(FILTER, &filter, why))?;
    let builder = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_writer(std::io::stderr);
    let installed = if std::io::stderr().is_terminal() {
        let lines = builder.event_format(Lines::ForPeople).finish();
        lines.with(targets).try_init()
    } else {
        let lines = builder.event_format(Lines::Json).finish();
        lines.with(targets).try_init()
    };
    if installed.is_ok() {
        std::panic::set_hook(Box::new(log_panic));
    }
    Ok(())
}

fn log_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let place = panic
        .location()
        .map(ToString::to_string)
        .unwrap_or_default();
    let what = panic.payload_as_str().unwrap_or("no message");
    tracing::error!(place, what, "panic");
}

/// How a line looks.
enum Lines {
    ForPeople,
    Json,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut line: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        if let Some(id) = RequestId::current() {
            fields.name("request_id", id.to_string());
        }
        if let Some(context) = TraceContext::current() {
            fields.name("trace_id", context.trace_id());
            fields.name("span_id", context.span_id());
        }
        let meta = event.metadata();
        match self {
            Self::ForPeople => for_people(&mut line, meta.level(), meta.target(), fields),
            Self::Json => json(&mut line, meta.level(), meta.target(), fields),
        }
    }
}

fn now() -> String {
    let mut text = String::new();
    match SystemTime.format_time(&mut Writer::new(&mut text)) {
        Ok(()) => text,
        Err(_) => String::new(),
    }
}

fn for_people(
    line: &mut Writer<'_>,
    level: &Level,
    target: &str,
    mut fields: Fields,
) -> fmt::Result {
    let now = now();
    let clock = now.get(11..23).unwrap_or(&now);
    let color = match *level {
        Level::ERROR => 31,
        Level::WARN => 33,
        Level::INFO => 32,
        _ => 90,
    };
    let message = fields.0.remove("message").unwrap_or_default();
    let message = message.as_str().unwrap_or_default();
    let target = target.trim_start_matches("muster_");
    write!(
        line,
        "\x1b[2m{clock}\x1b[0m \x1b[{color}m{level:>5}\x1b[0m \x1b[2m{target}\x1b[0m {message}"
    )?;
    for (name, value) in fields.0 {
        match value {
            Value::String(text) => write!(line, " \x1b[2m{name}=\x1b[0m{}", text.escape_debug())?,
            other => write!(line, " \x1b[2m{name}=\x1b[0m{other}")?,
        }
    }
    writeln!(line)
}

/// What every line has comes first; people read JSON too.
fn json(line: &mut Writer<'_>, level: &Level, target: &str, mut fields: Fields) -> fmt::Result {
    let message = fields.0.remove("message").unwrap_or_default();
    let (now, level) = (Value::from(now()), Value::from(level.as_str()));
    let target = Value::from(target);
    write!(
        line,
        r#"{{"timestamp":{now},"level":{level},"target":{target},"message":{message}"#
    )?;
    for (name, value) in fields.0 {
        write!(line, ",{}:{value}", Value::from(name))?;
    }
    writeln!(line, "}}")
}

/// The fields of an event, `message` among them.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn name(&mut self, name: &str, value: String) {
        self.0.insert(name.to_owned(), value.into());
    }

    fn put(&mut self, field: &Field, value: Value) {
        self.0.insert(field.name().to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}").into());
    }
}
