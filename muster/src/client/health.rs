//! `muster health ADDR`.

use clap::{Arg, ArgMatches, Command};
use muster_kit::probe::Probe;
use serde_json::json;

use super::{Failure, print, text};

pub(crate) fn command() -> Command {
    Command::new("health")
        .about("Asks a service how it is; exit codes as grpc-health-probe's")
        .arg(Arg::new("addr").required(true).value_name("HOST:PORT"))
        .arg(
            Arg::new("service")
                .long("service")
                .value_name("NAME")
                .help("A full service name, or liveness; the server as a whole if left out"),
        )
        .args(super::tls::args())
        .arg(super::json())
}

pub(crate) async fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let service = text(matches, "service").to_owned();
    let (dial, addr) = super::tls::dial(matches, text(matches, "addr"))?;
    let probe = Probe {
        service,
        ..Probe::of(addr)
    };
    let found = probe.run(dial).await;
    let status = found.map_err(|failure| Failure::Probe(failure.code(), failure.to_string()))?;
    let status = status.as_str_name();
    print(
        matches,
        format!("status: {status}"),
        &json!({ "status": status }),
    )
}
