//! grpc-health-probe, for whoever calls a service binary under that name.
//!
//! The images hold links of that name, so that Kubernetes manifests, compose files and people
//! find what they know: the same flags, the same words, the same exit codes.

mod tls;

use std::fmt;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use muster_proto::health::v1 as pb;
use pb::health_check_response::ServingStatus;
use pb::health_client::HealthClient;
use tokio::time::timeout;
use tonic::{Code, Status};

use crate::config::{Environment, environment};
use crate::duration::Seconds;
use crate::process::block_on;
use crate::tls::Dial;
use tls::TlsFlags;

const NAMES: [&str; 2] = ["grpc-health-probe", "grpc_health_probe"];
const DEFAULT_LIMIT: Duration = Duration::from_secs(1);
const USAGE: &str = "usage: grpc-health-probe -addr=HOST:PORT [flags]
  -addr             (required) host:port of the service
  -service          name of the service to ask for (default: the server as a whole)
  -connect-timeout  how long connecting may take (default 1s)
  -rpc-timeout      how long the answer may take (default 1s)
  -tls              speak TLS
  -tls-ca-cert      file with the CA to believe (default: those of the web)
  -tls-client-cert  file with the certificate to show
  -tls-client-key   file with its private key
  -tls-server-name  name to find in the server's certificate (default: the host of -addr)
  -tls-no-verify    believe whoever answers
  -user-agent, -v   taken for compatibility, without effect
Without a host in -addr and without TLS flags, MUSTER_TLS_CERT and MUSTER_TLS_KEY say whether to speak TLS.";

/// What to ask of whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// `host:port`; an empty host is this machine.
    pub addr: String,
    /// A service name, or `""` for the server as a whole.
    pub service: String,
    /// How long connecting may take.
    pub connect_limit: Duration,
    /// How long the answer may take.
    pub rpc_limit: Duration,
    /// The TLS flags.
    pub tls: TlsFlags,
}

/// What a probe found, with grpc-health-probe's exit codes.
#[derive(Debug)]
pub enum Failure {
    /// 1: the flags are off.
    Usage(String),
    /// 1: a file that a flag names is none.
    Credentials(String),
    /// 2: no connection.
    Connect(String),
    /// 3: the call failed.
    Rpc(String),
    /// 4: it answers, and is not serving.
    NotServing(ServingStatus),
}

impl Failure {
    /// The exit code that stands for it.
    pub fn code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Credentials(_) => 1,
            Self::Connect(_) => 2,
            Self::Rpc(_) => 3,
            Self::NotServing(_) => 4,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(why) => write!(f, "error: {why}\n{USAGE}"),
            Self::Credentials(why) | Self::Connect(why) | Self::Rpc(why) => f.write_str(why),
            Self::NotServing(status) => {
                write!(
                    f,
                    "service unhealthy (responded with {:?})",
                    status.as_str_name()
                )
            }
        }
    }
}

/// Probes and gives the exit code, if this binary was called as grpc-health-probe.
pub fn if_called_so() -> Option<ExitCode> {
    let mut words = std::env::args();
    let program = words.next()?;
    let name = Path::new(&program).file_name()?.to_str()?;
    if !NAMES.contains(&name) {
        return None;
    }
    let words: Vec<_> = words.collect();
    if words
        .iter()
        .any(|word| matches!(word.trim_start_matches('-'), "h" | "help"))
    {
        println!("{USAGE}");
        return Some(ExitCode::SUCCESS);
    }
    let outcome = Probe::parse(&words).and_then(|probe| {
        let probe = probe.beside_server(&environment());
        let dial = probe.tls.dial()?;
        block_on(probe.run(dial))
    });
    Some(match outcome {
        Ok(status) => {
            println!("status: {}", status.as_str_name());
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(failure.code())
        }
    })
}

impl Probe {
    /// A probe of a server as a whole, with the usual limits.
    pub fn of(addr: &str) -> Self {
        Self {
            addr: addr.to_owned(),
            service: String::new(),
            connect_limit: DEFAULT_LIMIT,
            rpc_limit: DEFAULT_LIMIT,
            tls: TlsFlags::default(),
        }
    }

    /// Reads flags as Go's flag package does: one dash or two, `-addr=X` or `-addr X`.
    ///
    /// # Errors
    /// A flag is unknown, bad, or `-addr` is missing.
    pub fn parse(words: &[String]) -> Result<Self, Failure> {
        let mut probe = Self::of("");
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let Some(flag) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')) else {
                return Err(Failure::Usage(format!("unexpected word {word:?}")));
            };
            let (name, inline) = match flag.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (flag, None),
            };
            if name == "v" || probe.tls.switch(name, inline != Some("false")) {
                continue;
            }
            let value = inline.or_else(|| words.next().map(String::as_str));
            let value = value.ok_or_else(|| Failure::Usage(format!("-{name} needs a value")))?;
            probe.set(name, value)?;
        }
        probe.tls.check()?;
        match probe.addr.as_str() {
            "" => Err(Failure::Usage("-addr not specified".to_owned())),
            _ => Ok(probe),
        }
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), Failure> {
        match name {
            "addr" => self.addr = value.to_owned(),
            "service" => self.service = value.to_owned(),
            "user-agent" => {}
            "connect-timeout" => self.connect_limit = limit(name, value)?,
            "rpc-timeout" => self.rpc_limit = limit(name, value)?,
            _ if self.tls.set(name, value) => {}
            _ => {
                return Err(Failure::Usage(format!(
                    "flag provided but not defined: -{name}"
                )));
            }
        }
        Ok(())
    }

    /// The same, within TLS where the environment says that the server on this machine speaks it: an image's HEALTHCHECK
    /// cannot know. It shows the server's own certificate, which callers may have to have.
    fn beside_server(self, environment: &Environment) -> Self {
        match self.addr.starts_with(':') {
            true => Self {
                tls: self.tls.or_of_server(environment),
                ..self
            },
            false => self,
        }
    }

    /// Asks, dialling in this way.
    ///
    /// # Errors
    /// There is no connection, no answer, or the service is not SERVING.
    pub async fn run(&self, dial: Dial) -> Result<ServingStatus, Failure> {
        let addr = match self.addr.strip_prefix(':') {
            Some(port) => format!("localhost:{port}"),
            None => self.addr.clone(),
        };
        let peer = match timeout(self.connect_limit, dial.one(&addr).connect()).await {
            Ok(Ok(peer)) => peer,
            Ok(Err(error)) => return Err(Failure::Connect(self.not_connected(&error.to_string()))),
            Err(_) => {
                let why = format!("within {:?}", self.connect_limit);
                return Err(Failure::Connect(self.not_connected(&why)));
            }
        };
        let request = pb::HealthCheckRequest {
            service: self.service.clone(),
        };
        let mut client = HealthClient::new(peer);
        let answer = match timeout(self.rpc_limit, client.check(request)).await {
            Ok(Ok(answer)) => answer.into_inner(),
            Ok(Err(status)) => return Err(self.rpc_failed(&status)),
            Err(_) => {
                let why = format!(
                    "timeout: health rpc did not complete within {:?}",
                    self.rpc_limit
                );
                return Err(Failure::Rpc(why));
            }
        };
        match answer.status() {
            ServingStatus::Serving => Ok(ServingStatus::Serving),
            other => Err(Failure::NotServing(other)),
        }
    }

    fn not_connected(&self, why: &str) -> String {
        format!("failed to connect service {:?}: {why}", self.addr)
    }

    fn rpc_failed(&self, status: &Status) -> Failure {
        Failure::Rpc(match status.code() {
            Code::Unimplemented => {
                "error: this server does not implement the grpc health protocol \
                 (grpc.health.v1.Health)"
                    .to_owned()
            }
            Code::NotFound => format!(
                "error: health rpc failed: unknown service {:?}",
                self.service
            ),
            code => format!("error: health rpc failed: {code:?}: {}", status.message()),
        })
    }
}

fn limit(name: &str, value: &str) -> Result<Duration, Failure> {
    let parsed: Result<Seconds, _> = value.parse();
    parsed
        .map(|limit| limit.0)
        .map_err(|why| Failure::Usage(format!("-{name} {value:?}: {why}")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Probe, Failure> {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        Probe::parse(&words)
    }

    #[test]
    fn flags_are_read_as_go_reads_them() {
        let expected = Probe {
            service: "x.X".to_owned(),
            rpc_limit: Duration::from_millis(250),
            ..Probe::of(":50051")
        };
        let one = parse(&["-addr=:50051", "-service", "x.X", "-rpc-timeout=250ms"]);
        let two = parse(&[
            "--addr",
            ":50051",
            "--service=x.X",
            "--rpc-timeout",
            "250ms",
        ]);
        assert_eq!(one.unwrap(), expected);
        assert_eq!(two.unwrap(), expected);
    }

    #[test]
    fn what_the_server_on_this_machine_speaks_is_known_from_its_environment() {
        let speaks_tls = ["CERT", "KEY"].map(|name| (format!("MUSTER_TLS_{name}"), "x".to_owned()));
        let environment = Environment::from(speaks_tls);
        let own = parse(&["-addr=:1"]).unwrap().beside_server(&environment);
        let said = [
            "-tls",
            "-tls-no-verify",
            "-tls-client-cert=x",
            "-tls-client-key=x",
        ];
        assert_eq!(own, parse(&[&["-addr=:1"][..], &said].concat()).unwrap());
        for words in [&["-addr=a:1"][..], &["-addr=:1", "-tls"]] {
            let probe = parse(words).unwrap();
            assert_eq!(
                probe.clone().beside_server(&environment),
                probe,
                "{words:?}"
            );
        }
        let plain = parse(&["-addr=:1"]).unwrap();
        assert_eq!(plain.clone().beside_server(&Environment::new()), plain);
    }

    #[test]
    fn bad_usage_is_exit_code_1() {
        for words in [
            &[][..],
            &["-addr"],
            &["-what=1"],
            &["-addr=:1", "-rpc-timeout=x"],
            &["x"],
            &["-addr=:1", "-tls-ca-cert=x"],
            &["-addr=:1", "-tls", "-tls-client-cert=x"],
            &["-addr=:1", "-tls", "-tls-client-key=x"],
            &["-addr=:1", "-tls", "-tls-no-verify", "-tls-ca-cert=x"],
            &["-addr=:1", "-tls", "-tls-no-verify", "-tls-server-name=x"],
        ] {
            assert_eq!(parse(words).unwrap_err().code(), 1, "{words:?}");
        }
    }
}
