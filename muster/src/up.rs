//! `muster up`: all services in one process, each on its own port, over the very same code as
//! in their own binaries.

mod table;

use std::fmt::Display;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgMatches, Command};
use futures_util::future::join_all;
use muster_kit::bus::Bus;
use muster_kit::config::{BadSetting, DATA_DIR, Program, Setting, Settings, environment};
use muster_kit::discovery::Registry;
use muster_kit::health::Health;
use muster_kit::listen::Listener;
use muster_kit::process::{
    ADMIN_DEFAULT, COMMON, Context, Host, Service, StartError, WEB, block_on, say,
};
use muster_kit::{metrics, telemetry, tls};

use self::table::{Reach, table};

/// What only the suite has.
const SUITE: &[Setting] =
    &[Setting::of_suite("data", "DIR", "Where the embedded stores live").or(DATA_DIR)];

/// The services of the suite.
pub(crate) const SERVICES: [Service; 7] = [
    muster_presence::SERVICE,
    muster_activity::SERVICE,
    muster_notificator::SERVICE,
    muster_users::SERVICE,
    muster_conflicts::SERVICE,
    muster_tasks::SERVICE,
    muster_gateway::SERVICE,
];

/// How long the table waits for the services: after that it is shown all the same.
const READY: Duration = Duration::from_secs(5);

type Run = Pin<Box<dyn Future<Output = Result<(), String>>>>;

/// The suite in the making: what listens where, and what will run.
struct Suite {
    host: Host,
    settings: Settings,
    rows: Vec<(&'static str, SocketAddr)>,
    healths: Vec<Health>,
    runs: Vec<Run>,
}

/// The command line of `muster up`.
pub(crate) fn program() -> Program {
    let command = Command::new("up").about("Starts the whole suite in this process");
    let program = Program::new(command).settings(SUITE, None);
    let program = SERVICES.iter().fold(program, |program, service| {
        let listen = format!("{}-listen", service.name);
        program
            .settings(COMMON, Some(service.name))
            .settings(service.settings, Some(service.name))
            .default(&listen, format!("localhost:{}", service.suite_port))
    });
    program.default("admin", ADMIN_DEFAULT)
}

/// Runs the suite until it is asked to stop.
pub(crate) fn run(program: &Program, matches: &ArgMatches) -> ExitCode {
    if let Err(error) = telemetry::install() {
        return StartError::from(error).report("muster up");
    }
    metrics::install();
    tls::install();
    let started = match program.resolve(matches, &environment()) {
        Ok(settings) => block_on(start(settings)),
        Err(error) => Err(error.into()),
    };
    match started {
        Ok(code) => code,
        Err(error) => error.report("muster up"),
    }
}

async fn start(settings: Settings) -> Result<ExitCode, StartError> {
    let host = Host::start(&settings, Registry::in_process(), Bus::in_process()).await?;
    let (rows, healths, runs) = (Vec::new(), Vec::new(), Vec::new());
    let mut suite = Suite {
        host,
        settings,
        rows,
        healths,
        runs,
    };
    suite
        .add(
            &muster_presence::SERVICE,
            muster_presence::config::Config::read,
            muster_presence::run,
        )
        .await?;
    suite
        .add(
            &muster_activity::SERVICE,
            muster_activity::config::Config::read,
            muster_activity::run,
        )
        .await?;
    suite
        .add(
            &muster_notificator::SERVICE,
            muster_notificator::config::Config::read,
            muster_notificator::run,
        )
        .await?;
    suite
        .add(
            &muster_users::SERVICE,
            muster_users::config::Config::read,
            muster_users::run,
        )
        .await?;
    suite
        .add(
            &muster_conflicts::SERVICE,
            muster_conflicts::config::Config::read,
            muster_conflicts::run,
        )
        .await?;
    suite
        .add(
            &muster_tasks::SERVICE,
            muster_tasks::config::Config::read,
            muster_tasks::run,
        )
        .await?;
    suite
        .add(
            &muster_gateway::SERVICE,
            muster_gateway::config::Config::read,
            muster_gateway::run,
        )
        .await?;
    let admin = suite.host.bind_admin(&suite.settings).await?;
    if let Some(admin) = &admin {
        suite.rows.push(("admin", admin.local_addr()));
    }
    Ok(suite.run(admin).await)
}

impl Suite {
    /// Binds a service's port, so that a bad setting or a taken port ends all before any runs.
    async fn add<C, F, Fut, E>(
        &mut self,
        service: &'static Service,
        read: fn(&Settings) -> Result<C, BadSetting>,
        run: F,
    ) -> Result<(), StartError>
    where
        C: 'static,
        F: FnOnce(C, Listener, Context) -> Fut + 'static,
        Fut: Future<Output = Result<(), E>> + 'static,
        E: Display + 'static,
    {
        let settings = self.settings.of(service.name);
        let config = read(&settings)?;
        let listener = self.host.bind(&settings).await?;
        let context = self.host.context(service.name, &settings)?;
        self.rows.push((service.name, listener.local_addr()));
        self.rows
            .extend(listener.other_addr().map(|web| (WEB, web)));
        self.healths.push(context.health.clone());
        let shutdown = context.shutdown.clone();
        self.runs.push(Box::pin(async move {
            let ended = run(config, listener, context).await;
            // Whatever ends one ends all: half a suite would only look well.
            shutdown.cancel();
            ended.map_err(|error| format!("{}: {error}", service.name))
        }));
        Ok(())
    }

    async fn run(self, admin: Option<Listener>) -> ExitCode {
        let Self {
            host,
            settings,
            rows,
            healths,
            runs,
        } = self;
        let reach = Reach::of(&settings);
        let shutdown = host.shutdown.clone();
        let telling = async {
            tokio::select! {
                () = all_serving(&healths) => say(table(&rows, &healths, &reach)),
                () = shutdown.cancelled() => {}
            }
        };
        let work = async { tokio::join!(join_all(runs), telling).0 };
        let ended = host.run(admin, work).await;
        let mut code = ExitCode::SUCCESS;
        for error in ended.into_iter().filter_map(Result::err) {
            eprintln!("muster up: {error}");
            code = ExitCode::FAILURE;
        }
        code
    }
}

async fn all_serving(healths: &[Health]) {
    let serving = healths.iter().map(|health| async {
        let mut serving = health.watch();
        let _ended = serving.wait_for(|serving| *serving).await;
    });
    let _or_late = tokio::time::timeout(READY, join_all(serving)).await;
}
