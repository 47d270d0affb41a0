//! What the services of a process share.

use std::convert::Infallible;
use std::io;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use super::addresses::{Dialled, Endpoints};
use super::{BAD_SETTING, Context, WEB};
use crate::bus::{self, AmqpUrl, Bus};
use crate::config::{BadSetting, Settings, environment};
use crate::discovery::{Peers, Registry};
use crate::duration::Seconds;
use crate::health::Health;
use crate::listen::{ListenAddr, Listener};
use crate::origin::Origins;
use crate::tls::Tls;
use crate::{Shutdown, admin, metrics, trace};

/// How long a stop may take beyond its drain, to leave discovery and to close the stores.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// Why a process could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is missing or bad.
    #[error(transparent)]
    Setting(#[from] BadSetting),
    /// SIGINT and SIGTERM cannot be taken.
    #[error("cannot listen for signals: {0}")]
    Signals(io::Error),
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
            Self::Signals(_) | Self::Bind { .. } => ExitCode::FAILURE,
        }
    }
}

/// What the services of a process share.
pub struct Host {
    /// Fires when the process is asked to stop.
    pub shutdown: Shutdown,
    registry: Registry,
    bus: Bus,
    drain: Duration,
    origins: Origins,
    tls: Tls,
    insecure: bool,
    healths: Mutex<Vec<(&'static str, Health)>>,
}

impl Host {
    /// Reads what is common to the process; `alone` is the registry without `--etcd` and
    /// `--static`, `within` the bus without `--bus`.
    ///
    /// # Errors
    /// A setting is bad, or signals cannot be taken.
    pub async fn start(
        settings: &Settings,
        alone: Registry,
        within: Bus,
    ) -> Result<Self, StartError> {
        let drain: Seconds = settings.get("drain")?;
        let origins: Option<Origins> = settings.optional("origins")?;
        let etcd: Option<Endpoints> = settings.optional("etcd")?;
        let fixed: Option<Peers> = settings.optional("static")?;
        let tls = Tls::start(settings)?;
        let registry = match (etcd, fixed) {
            (Some(_), Some(_)) => {
                return Err(BadSetting::new("static", "not together with --etcd").into());
            }
            (Some(etcd), None) => Registry::etcd_with(&etcd.0, &tls),
            (None, Some(fixed)) => Registry::fixed(fixed),
            (None, None) => alone,
        };
        let url: Option<AmqpUrl> = settings.optional(bus::SETTING.name)?;
        trace::install(&environment())?;
        let shutdown = Shutdown::new();
        stop_on_signals(shutdown.clone()).map_err(StartError::Signals)?;
        Ok(Self {
            shutdown,
            registry,
            bus: url.map_or(within, |url| Bus::amqp(url.within(&tls))),
            drain: drain.0,
            origins: origins.unwrap_or_default(),
            tls,
            insecure: settings.switch("insecure")?,
            healths: Mutex::default(),
        })
    }

    /// Binds the address of a service, and that of its web pages if it has some.
    ///
    /// # Errors
    /// One is bad, taken, or beyond loopback while nothing authenticates callers.
    pub async fn bind(&self, settings: &Settings) -> Result<Listener, StartError> {
        let addr: ListenAddr = settings.get("listen")?;
        let listener = self.bind_one(&addr, settings.flag("listen")).await?;
        match settings.optional(WEB)? {
            Some(addr) => Ok(listener.and(self.bind_one(&addr, settings.flag(WEB)).await?)),
            None => Ok(listener),
        }
    }

    async fn bind_one(&self, addr: &ListenAddr, flag: String) -> Result<Listener, StartError> {
        let listener = bind(addr, flag.clone()).await?;
        if !(listener.is_loopback() || self.insecure || self.tls.authenticates()) {
            let why = format!(
                "{addr} is open to other machines while nothing authenticates callers: \
                 listen on localhost, ask for certificates with --tls-client-ca, or allow it with \
                 --insecure"
            );
            return Err(BadSetting::new(&flag, why).into());
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
            bus: self.bus.clone().used_by(service),
            drain: self.drain,
            tls: self.tls.clone(),
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
            (done, ()) = async { tokio::join!(work, admin) } => {
                trace::flush(&self.tls, self.drain).await;
                done
            }
            never = self.end_in_time() => match never {},
            never = metrics::upkeep() => match never {},
            never = trace::export(&self.tls) => match never {},
        }
    }

    /// A stop ends, whatever hangs: a store on a disk that does not answer, say.
    async fn end_in_time(&self) -> Infallible {
        self.shutdown.cancelled().await;
        tokio::time::sleep(self.drain + STOP_GRACE).await;
        tracing::error!("the stop did not end in time, leaving");
        std::process::exit(1)
    }
}

/// Takes signals from now on: the first asks for a stop, a second one does not wait for it. From
/// the very start, so that a stop that comes early is a stop as well.
fn stop_on_signals(shutdown: Shutdown) -> io::Result<()> {
    let mut int = signal(SignalKind::interrupt())?;
    let mut term = signal(SignalKind::terminate())?;
    let mut next = async move || {
        tokio::select! {
            _ = int.recv() => {}
            _ = term.recv() => {}
        }
    };
    tokio::spawn(async move {
        next().await;
        shutdown.cancel();
        next().await;
        tracing::warn!("second signal, leaving at once");
        std::process::exit(1)
    });
    Ok(())
}

async fn bind(addr: &ListenAddr, flag: String) -> Result<Listener, StartError> {
    let bound = Listener::bind(addr).await;
    bound.map_err(|cause| StartError::Bind {
        addr: addr.to_string(),
        flag,
        cause,
    })
}
