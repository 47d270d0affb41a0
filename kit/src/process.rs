//! From a command line to a running service.
//!
//! A service binary is one call of [`main`]. `muster up` uses the same parts for several
//! services at once: a [`Host`] for the process, a [`Context`] for each service.

mod addresses;
mod context;
mod host;
mod runtime;

use std::fmt::Display;
use std::process::ExitCode;

use clap::Command;

pub use self::context::Context;
pub use self::host::{Host, StartError};
pub use self::runtime::{block_on, say};
use crate::bus::Bus;
use crate::config::{BadSetting, Kind, Outcome, Program, Setting, Settings, environment};
use crate::discovery::{Peers, Registry};
use crate::listen::Listener;
use crate::{metrics, probe, telemetry, tls};

/// The exit code for a bad setting: `EX_USAGE` of sysexits.h.
pub const BAD_SETTING: u8 = 64;

/// A service, as its own binary and `muster up` need to know it.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    /// Its name in flags, discovery and logs: `users`.
    pub name: &'static str,
    /// A sentence for `--help`.
    pub about: &'static str,
    /// The port of its own binary.
    pub port: u16,
    /// Its port in `muster up`.
    pub suite_port: u16,
    /// The settings that it has beside the common ones.
    pub settings: &'static [Setting],
    /// Whether its own binary serves the admin port where nothing is said.
    pub admin_by_default: bool,
    /// A variable that names the address to listen on, for clients that know it so.
    pub listen_env: Option<&'static str>,
    /// A variable that names the port alone.
    pub port_env: Option<&'static str>,
    /// A variable that names the admin address.
    pub admin_env: Option<&'static str>,
}

impl Service {
    /// A service without settings of its own.
    pub const fn new(name: &'static str, about: &'static str, port: u16) -> Self {
        Self {
            name,
            about,
            port,
            suite_port: port,
            settings: &[],
            admin_by_default: false,
            listen_env: None,
            port_env: None,
            admin_env: None,
        }
    }
}

/// What every service has; `--help` shows them first.
pub const COMMON: &[Setting] = &[
    Setting::of_service(
        "listen",
        "ADDR",
        "Address to serve: host:port, or :port for all interfaces",
    ),
    Setting::of_service(
        "advertise",
        "ADDR",
        "host:port that others dial, where it is not the bound one",
    ),
    Setting::of_suite(
        "admin",
        "ADDR",
        "Address of the admin port: /healthz /readyz /metrics, and gRPC health",
    ),
    Setting::of_suite(
        "drain",
        "TIME",
        "How long a stop waits before it cuts what is left",
    )
    .or("10s"),
    Setting::of_suite(
        "etcd",
        "ADDRS",
        "etcd endpoints, separated by commas, to find other services",
    ),
    Setting::of_suite(
        "static",
        "PEERS",
        "Peers without etcd: notificator=host:port,…",
    ),
    Setting::of_suite(
        tls::CERT,
        "FILE",
        "Certificate (PEM) to show to callers, who are then served with TLS, and to peers",
    ),
    Setting::of_suite(tls::KEY, "FILE", "Private key (PEM) of that certificate"),
    Setting::of_suite(
        tls::CLIENT_CA,
        "FILE",
        "CA (PEM) of which callers have to show a certificate",
    ),
    Setting::of_suite(
        tls::CA,
        "FILE",
        "CA (PEM) that peers are believed by; where it is not given, that of callers, or those of the web",
    ),
    Setting::of_suite(
        "origins",
        "ORIGINS",
        "Browser origins that may call, beside the same origin",
    ),
    Setting::of_suite(
        "insecure",
        "BOOL",
        "Allow addresses beyond loopback though nothing authenticates callers",
    )
    .kind(Kind::Switch),
];

/// The setting of a service that has web pages: the second address of its port.
pub const WEB: &str = "web";

/// The address of the admin port where one is served and nothing is said.
pub const ADMIN_DEFAULT: &str = "localhost:8080";

/// The whole main of a service binary: its exit code.
pub fn main<C, F, Fut, E>(
    service: &'static Service,
    read: fn(&Settings) -> Result<C, BadSetting>,
    run: F,
) -> ExitCode
where
    F: FnOnce(C, Listener, Context) -> Fut,
    Fut: Future<Output = Result<(), E>>,
    E: Display,
{
    if let Some(code) = probe::if_called_so() {
        return code;
    }
    let name = format!("muster-{}", service.name);
    let settings = match settings_of(service) {
        Ok(Outcome::Run(settings)) => settings,
        Ok(Outcome::Print(text)) => {
            say(text.trim_end());
            return ExitCode::SUCCESS;
        }
        Err(error) => return StartError::from(error).report(&name),
    };
    if let Err(error) = telemetry::install() {
        return StartError::from(error).report(&name);
    }
    metrics::install();
    tls::install();
    match block_on(start(service, &settings, read, run)) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
        Err(error) => error.report(&name),
    }
}

async fn start<C, F, Fut, E>(
    service: &'static Service,
    settings: &Settings,
    read: fn(&Settings) -> Result<C, BadSetting>,
    run: F,
) -> Result<Result<(), E>, StartError>
where
    F: FnOnce(C, Listener, Context) -> Fut,
    Fut: Future<Output = Result<(), E>>,
{
    let config = read(settings)?;
    let host = Host::start(settings, Registry::fixed(Peers::default()), Bus::none()).await?;
    let listener = host.bind(settings).await?;
    let admin = host.bind_admin(settings).await?;
    let context = host.context(service.name, settings)?;
    say(format_args!("{}  {}", service.name, listener.local_addr()));
    if let Some(web) = listener.other_addr() {
        say(format_args!("{WEB}  {web}"));
    }
    if let Some(admin) = &admin {
        say(format_args!("admin  {}", admin.local_addr()));
    }
    Ok(host.run(admin, run(config, listener, context)).await)
}

/// The command line of a service's own binary.
pub fn program(service: &Service) -> Program {
    let command = Command::new(format!("muster-{}", service.name))
        .version(env!("CARGO_PKG_VERSION"))
        .about(service.about);
    let port = service.port_env;
    let program = Program::new(command)
        .settings(COMMON, None)
        .settings(service.settings, None)
        .default("listen", format!("localhost:{}", service.port))
        .alias("listen", service.listen_env)
        .note(
            "listen",
            port.map(|name| format!("{name} for the port alone")),
        )
        .alias("admin", service.admin_env);
    match service.admin_by_default {
        true => program.default("admin", ADMIN_DEFAULT),
        false => program,
    }
}

/// The settings of a service's own binary.
fn settings_of(service: &Service) -> Result<Outcome, BadSetting> {
    let environment = environment();
    match program(service).parse(std::env::args(), &environment)? {
        Outcome::Run(settings) => {
            let port = service
                .port_env
                .and_then(|name| Some((name, environment.get(name)?)));
            Ok(Outcome::Run(match port {
                Some((name, port)) => settings.with_port(name, port)?,
                None => settings,
            }))
        }
        print => Ok(print),
    }
}
