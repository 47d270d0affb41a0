//! What `muster up` says once it is up: what listens where, and what to try.

use std::net::SocketAddr;

use muster_kit::config::Settings;
use muster_kit::health::Health;

/// A line to try for each service, with its address put in.
const TRIES: [(&str, &str); 8] = [
    (
        "presence",
        r#"grpcurl -plaintext -d '{"name":"Albert"}' ADDR cloudstate.samples.chat.presence.Presence/Monitor"#,
    ),
    (
        "activity",
        r#"grpcurl -plaintext -d '{"message":"hello"}' ADDR activityevents.ActivityEvents/CreateEvent"#,
    ),
    (
        "notificator",
        r#"grpcurl -plaintext -d '{"email":"test","content":"Hello"}' ADDR pb.Notificator/SendEmail"#,
    ),
    (
        "users",
        r#"curl -XPOST http://ADDR/create -d '{"email": "test"}'"#,
    ),
    (
        "conflicts",
        "grpcurl -plaintext ADDR describe Scheduling.ConflictService",
    ),
    ("tasks", "curl http://ADDR/tasks"),
    ("web", "open http://ADDR/index.html?user_id=1"),
    (ADMIN, "curl http://ADDR/readyz"),
];

/// The port that never speaks TLS.
const ADMIN: &str = "admin";

/// How programs reach the services, where those speak TLS.
pub(super) struct Reach(Option<Files>);

/// What they have to be told.
struct Files {
    ca: Option<String>,
    /// The own certificate and its key, where callers have to show one.
    shown: Option<(String, String)>,
}

impl Reach {
    /// By the settings of the suite, which have been found to be good.
    pub(super) fn of(settings: &Settings) -> Self {
        let file = |name| settings.optional::<String>(name).ok().flatten();
        let callers = file("tls-client-ca");
        let own = file("tls-cert").zip(file("tls-key"));
        Self(own.map(|own| Files {
            shown: callers.as_ref().map(|_| own),
            ca: file("tls-ca").or(callers),
        }))
    }

    fn line(&self, name: &str, line: &str) -> String {
        let Some(files) = self.0.as_ref().filter(|_| name != ADMIN) else {
            return line.to_owned();
        };
        line.replace("http://", "https://")
            .replace(" -plaintext", &files.flags("-"))
            .replace("curl -X", &format!("curl{} -X", files.flags("--")))
            .replace("curl http", &format!("curl{} http", files.flags("--")))
    }
}

impl Files {
    /// The flags of grpcurl begin with one dash, those of curl with two.
    fn flags(&self, dash: &str) -> String {
        let mut flags = String::new();
        if let Some(ca) = &self.ca {
            flags.push_str(&format!(" {dash}cacert {ca}"));
        }
        if let Some((cert, key)) = &self.shown {
            flags.push_str(&format!(" {dash}cert {cert} {dash}key {key}"));
        }
        flags
    }
}

/// What listens where, and a line to try for each service.
pub(super) fn table(
    rows: &[(&'static str, SocketAddr)],
    healths: &[Health],
    reach: &Reach,
) -> String {
    let obstacles: Vec<_> = healths.iter().flat_map(Health::obstacles).collect();
    let mut text = match obstacles.as_slice() {
        [] => String::from("muster is up; Ctrl-C stops it\n\n"),
        _ => format!("muster is not up yet: {}\n\n", obstacles.join(", ")),
    };
    for (name, addr) in rows {
        text.push_str(&format!("  {name:<12} {addr}\n"));
    }
    text.push_str("\nto try:\n");
    for (name, addr) in rows {
        for (_, line) in TRIES.iter().filter(|(of, _)| of == name) {
            let line = reach.line(name, line).replace("ADDR", &shown(*addr));
            text.push_str(&format!("  {line}\n"));
        }
    }
    text
}

/// The address as one would type it.
fn shown(addr: SocketAddr) -> String {
    if addr.ip().is_loopback() || addr.ip().is_unspecified() {
        format!("localhost:{}", addr.port())
    } else {
        addr.to_string()
    }
}
