//! From a command line to a running service.
//!
//! A service binary is one call of [`main`]. `muster up` uses the same parts for several
//! services at once: a [`Host`] for the process, a [`Context`] for each service.

use std::convert::Infallible;
use std::fmt::Display;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU16;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::Command;

use crate::admin;
use crate::config::{BadSetting, Kind, Outcome, Program, Setting, Settings, environment};
use crate::discovery::{Peers, Registry};
use crate::duration::Seconds;
use crate::health::Health;
use crate::listen::{ListenAddr, Listener};
use crate::origin::Origins;
use crate::{Shutdown, metrics, probe, telemetry};

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
        "Address of the admin HTTP: /healthz /readyz /metrics",
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

/// The address of the admin port where one is served and nothing is said.
pub const ADMIN_DEFAULT: &str = "localhost:8080";

/// How long a stop may take beyond its drain, to leave discovery and to close the stores.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// What a running service gets from its process.
#[derive(Debug, Clone)]
pub struct Context {
    /// The service's name.
    pub service: &'static str,
    /// Fires when the process is asked to stop.
    pub shutdown: Shutdown,
    /// The service's health.
    pub health: Health,
    /// Where other services are found.
    pub registry: Registry,
    /// How long a stop waits before it cuts what is left.
    pub drain: Duration,
    /// Browser origins that may call.
    pub origins: Origins,
    /// What others dial, where it is not the bound address.
    pub advertise: Option<String>,
}

impl Context {
    /// A context of its own for a test: nothing is shared with other services.
    pub fn for_test(service: &'static str) -> Self {
        Self {
            service,
            shutdown: Shutdown::new(),
            health: Health::default(),
            registry: Registry::in_process(),
            drain: Duration::from_secs(5),
            origins: Origins::default(),
            advertise: None,
        }
    }
}

/// Why a process could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is missing or bad.
    #[error(transparent)]
    Setting(#[from] BadSetting),
    /// An address cannot be bound.
    #[error("--{flag} {addr}: {cause}")]
    Bind {
        /// The address.
        addr: String,
        /// The setting that names it.
        flag: String,
        /// Why.
        cause: io::Error,
    },
}

impl StartError {
    /// Tells why on standard error; the exit code for it.
    pub fn report(&self, program: &str) -> ExitCode {
        eprintln!("{program}: {self}");
        match self {
            Self::Setting(_) => ExitCode::from(BAD_SETTING),
            Self::Bind { .. } => ExitCode::FAILURE,
        }
    }
}

/// What the services of a process share.
pub struct Host {
    /// Fires when the process is asked to stop.
    pub shutdown: Shutdown,
    registry: Registry,
    drain: Duration,
    origins: Origins,
    insecure: bool,
    healths: Mutex<Vec<(&'static str, Health)>>,
}

impl Host {
    /// Reads what is common to the process; `alone` is the registry without `--etcd` and
    /// `--static`.
    ///
    /// # Errors
    /// A setting is bad.
    pub async fn start(settings: &Settings, alone: Registry) -> Result<Self, BadSetting> {
        let drain: Seconds = settings.get("drain")?;
        let origins: Option<Origins> = settings.optional("origins")?;
        let etcd: Option<Endpoints> = settings.optional("etcd")?;
        let fixed: Option<Peers> = settings.optional("static")?;
        let registry = match (etcd, fixed) {
            (Some(_), Some(_)) => {
                return Err(BadSetting::new("static", "not together with --etcd"));
            }
            (Some(etcd), None) => Registry::etcd(&etcd.0).await,
            (None, Some(fixed)) => Registry::fixed(fixed),
            (None, None) => alone,
        };
        Ok(Self {
            shutdown: Shutdown::new(),
            registry,
            drain: drain.0,
            origins: origins.unwrap_or_default(),
            insecure: settings.switch("insecure")?,
            healths: Mutex::default(),
        })
    }

    /// Binds the address of a service.
    ///
    /// # Errors
    /// It is bad, taken, or beyond loopback while nothing authenticates callers.
    pub async fn bind(&self, settings: &Settings) -> Result<Listener, StartError> {
        let addr: ListenAddr = settings.get("listen")?;
        let listener = bind(&addr, settings.flag("listen")).await?;
        if !listener.is_loopback() && !self.insecure {
            let why = format!(
                "{addr} is open to other machines while nothing authenticates callers: \
                 listen on localhost, or allow it with --insecure"
            );
            return Err(BadSetting::new(&settings.flag("listen"), why).into());
        }
        Ok(listener)
    }

    /// The context of one service, with a health of its own.
    ///
    /// # Errors
    /// A setting is bad.
    pub fn context(
        &self,
        service: &'static str,
        settings: &Settings,
    ) -> Result<Context, BadSetting> {
        let health = Health::default();
        let mut healths = self.healths.lock().unwrap_or_else(PoisonError::into_inner);
        healths.push((service, health.clone()));
        Ok(Context {
            service,
            shutdown: self.shutdown.clone(),
            health,
            registry: self.registry.clone(),
            drain: self.drain,
            origins: self.origins.clone(),
            advertise: settings.optional("advertise")?.map(|Dialled(addr)| addr),
        })
    }

    /// Binds the admin address, if there is one.
    ///
    /// # Errors
    /// It is bad or taken.
    pub async fn bind_admin(&self, settings: &Settings) -> Result<Option<Listener>, StartError> {
        match settings.optional::<ListenAddr>("admin")? {
            Some(addr) => Ok(Some(bind(&addr, settings.flag("admin")).await?)),
            None => Ok(None),
        }
    }

    /// Runs `work`, which ends after a stop, with signals, upkeep and the admin port beside it.
    pub async fn run<T>(&self, admin: Option<Listener>, work: impl Future<Output = T>) -> T {
        let healths = self
            .healths
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let admin_stop = Shutdown::new();
        let admin = async {
            match admin {
                Some(admin) => {
                    let healths = Arc::from(healths);
                    admin::serve(admin, healths, self.origins.clone(), admin_stop.clone()).await;
                }
                None => admin_stop.cancelled().await,
            }
        };
        let work = async {
            let done = work.await;
            admin_stop.cancel();
            done
        };
        tokio::select! {
            (done, ()) = async { tokio::join!(work, admin) } => done,
            never = self.stop_on_signals() => match never {},
            never = self.end_in_time() => match never {},
            never = metrics::upkeep() => match never {},
        }
    }

    /// A stop ends, whatever hangs: a store on a disk that does not answer, say.
    async fn end_in_time(&self) -> Infallible {
        self.shutdown.cancelled().await;
        tokio::time::sleep(self.drain + STOP_GRACE).await;
        tracing::error!("the stop did not end in time, leaving");
        std::process::exit(1)
    }

    /// The first signal asks for a stop; a second one does not wait for it.
    async fn stop_on_signals(&self) -> Infallible {
        signal().await;
        self.shutdown.cancel();
        signal().await;
        tracing::warn!("second signal, leaving at once");
        std::process::exit(1)
    }
}

/// SIGINT or SIGTERM.
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (int, term) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    );
    let (Ok(mut int), Ok(mut term)) = (int, term) else {
        tracing::error!("cannot listen for signals");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = int.recv() => {}
        _ = term.recv() => {}
    }
}

async fn bind(addr: &ListenAddr, flag: String) -> Result<Listener, StartError> {
    let bound = Listener::bind(addr).await;
    bound.map_err(|cause| StartError::Bind {
        addr: addr.to_string(),
        flag,
        cause,
    })
}

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
    let settings = match settings_of(service, &name) {
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
    match block_on(start(service, &settings, read, run)) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
        Err(error) => error.report(&name),
    }
}

/// A line on standard output. Nobody may be listening there, which is no reason to stop.
pub fn say(line: impl Display) {
    use std::io::Write;
    let _nobody_listens = writeln!(io::stdout().lock(), "{line}");
}

/// Runs a future on a runtime of all cores, and leaves without waiting for blocking threads.
pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => {
            let done = runtime.block_on(work);
            runtime.shutdown_background();
            done
        }
        Err(error) => {
            eprintln!("cannot start threads: {error}");
            std::process::exit(1)
        }
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
    let host = Host::start(settings, Registry::fixed(Peers::default())).await?;
    let listener = host.bind(settings).await?;
    let admin = host.bind_admin(settings).await?;
    let context = host.context(service.name, settings)?;
    say(format_args!("{}  {}", service.name, listener.local_addr()));
    if let Some(admin) = &admin {
        say(format_args!("admin  {}", admin.local_addr()));
    }
    Ok(host.run(admin, run(config, listener, context)).await)
}

/// The settings of a service's own binary.
fn settings_of(service: &Service, name: &str) -> Result<Outcome, BadSetting> {
    let environment = environment();
    let command = Command::new(name.to_owned())
        .version(env!("CARGO_PKG_VERSION"))
        .about(service.about);
    let admin = if service.admin_by_default {
        ADMIN_DEFAULT
    } else {
        ""
    };
    let mut program = Program::new(command)
        .settings(COMMON, None)
        .settings(service.settings, None)
        .default("listen", format!("localhost:{}", service.port))
        .alias("listen", service.listen_env)
        .note(
            "listen",
            service
                .port_env
                .map(|name| format!("{name} for the port alone")),
        )
        .alias("admin", service.admin_env);
    if !admin.is_empty() {
        program = program.default("admin", admin);
    }
    match program.parse(std::env::args(), &environment)? {
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

/// `host:port` that others can dial. An IP address may have brackets of either version, so that
/// `[$(POD_IP)]:8082` is right for both.
struct Dialled(String);

impl std::str::FromStr for Dialled {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "expected host:port, with a port from 1 up";
        let (host, port) = text.rsplit_once(':').ok_or(EXPECTED)?;
        let port: NonZeroU16 = port.parse().map_err(|_| EXPECTED)?;
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(ip) = bare.parse::<IpAddr>() {
            return Ok(Self(SocketAddr::new(ip, port.get()).to_string()));
        }
        let addr: http::uri::Authority = text.parse().map_err(|_| EXPECTED)?;
        match host.is_empty() || host.contains('@') {
            true => Err(EXPECTED),
            false => Ok(Self(addr.to_string())),
        }
    }
}

/// etcd endpoints, separated by commas.
struct Endpoints(Vec<String>);

impl std::str::FromStr for Endpoints {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let endpoints = text.split(',').map(str::trim).map(|endpoint| {
            let bare = endpoint.trim_start_matches("http://").trim_end_matches('/');
            let parsed = bare.parse::<http::uri::Authority>().ok();
            parsed
                .filter(|addr| addr.port_u16().is_some())
                .map(|addr| addr.to_string())
        });
        let endpoints = endpoints.collect::<Option<_>>();
        endpoints
            .map(Self)
            .ok_or("expected host:port, separated by commas")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_others_dial_is_a_host_and_a_port() {
        let dialled = |text: &str| text.parse::<Dialled>().map(|Dialled(addr)| addr);
        for (text, addr) in [
            ("10.0.0.7:8082", "10.0.0.7:8082"),
            ("[10.0.0.7]:8082", "10.0.0.7:8082"),
            ("[fd00::7]:8082", "[fd00::7]:8082"),
            ("notificator-0.svc:8082", "notificator-0.svc:8082"),
        ] {
            assert_eq!(dialled(text).unwrap(), addr);
        }
        for text in [
            "",
            "not an address",
            ":8082",
            "host",
            "host:0",
            "a\"b:1",
            "u@host:1",
        ] {
            assert!(dialled(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn endpoints_and_peers_are_lists() {
        let endpoints: Endpoints = "http://a:2379/, b:2379".parse().unwrap();
        assert_eq!(endpoints.0, ["a:2379", "b:2379"]);
        assert!("a".parse::<Endpoints>().is_err());
    }
}
