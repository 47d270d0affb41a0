//! The suite's own binaries.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use tempfile::TempDir;

use crate::names::SERVICES;
use crate::process::Process;
use crate::tool::program;
use crate::wait::eventually;

const START_DEADLINE: Duration = Duration::from_secs(20);

/// A running service binary (or `muster up`), in a folder of its own, with nothing in its environment that would
/// configure it but what the test says.
#[derive(Debug)]
pub struct Service {
    binary: String,
    args: Vec<String>,
    environment: Vec<(String, String)>,
    folder: TempDir,
    addrs: BTreeMap<String, SocketAddr>,
    process: Process,
}

impl Service {
    /// Starts a binary of this build on free ports (unless `args` say which) and waits until it is ready.
    ///
    /// # Panics
    /// When it has not been built, ends, or is not ready within 20 s.
    pub async fn start(binary: &str, args: &[&str]) -> Service {
        Service::start_with(binary, args, &[]).await
    }

    /// Like [`Service::start`], with these variables in its environment: for what no flag says.
    pub async fn start_with(binary: &str, args: &[&str], environment: &[(&str, &str)]) -> Service {
        let service = Service::launch_with(binary, args, environment).await;
        service.wait_ready().await;
        service
    }

    /// Like [`Service::start`], but waits only until it listens: for one that lacks what it needs to be ready.
    pub async fn launch(binary: &str, args: &[&str]) -> Service {
        Service::launch_with(binary, args, &[]).await
    }

    async fn launch_with(binary: &str, args: &[&str], environment: &[(&str, &str)]) -> Service {
        let environment = environment.iter().copied();
        let environment = environment.map(|(name, text)| (name.to_owned(), text.to_owned()));
        let environment: Vec<(String, String)> = environment.collect();
        let folder = tempfile::tempdir().expect("no folder for a service");
        let args = on_free_ports(binary, args);
        let process = spawn(binary, &args, &environment, folder.path());
        let mut service = Service {
            binary: binary.to_owned(),
            args,
            environment,
            folder,
            addrs: BTreeMap::new(),
            process,
        };
        service.wait_listening().await;
        service
    }

    /// `muster up` with `args`, everything on free ports.
    pub async fn suite(args: &[&str]) -> Service {
        Service::suite_with(args, &[]).await
    }

    /// The same with these variables in its environment.
    pub async fn suite_with(args: &[&str], environment: &[(&str, &str)]) -> Service {
        let all: Vec<&str> = ["up"].iter().chain(args).copied().collect();
        Service::start_with("muster", &all, environment).await
    }

    /// Where it listens, `host:port`.
    pub fn addr(&self) -> String {
        let name = self.binary.trim_start_matches("muster-").to_owned();
        self.addr_of(&name)
    }

    /// Where one of its addresses is, by the name that it prints (`admin`, and in the suite `users` and so on).
    ///
    /// # Panics
    /// When it printed no such name.
    pub fn addr_of(&self, name: &str) -> String {
        let addr = self.addrs.get(name);
        addr.unwrap_or_else(|| {
            panic!(
                "{} printed no address for {name}: {:?}",
                self.binary, self.addrs
            )
        })
        .to_string()
    }

    /// The folder in which it runs, and where its stores lie unless told otherwise.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The process: for its output, its signals and its end.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// The mails that have left it, as far as nobody said where to.
    pub fn mails(&self) -> Vec<String> {
        crate::mails(&self.folder().join("muster-data/mail"))
    }

    /// Asks it to stop and waits until it has.
    ///
    /// # Panics
    /// When it still runs at the deadline.
    pub async fn stop(&mut self, deadline: Duration) -> ExitStatus {
        self.process.sigterm();
        self.process.wait_exit(deadline).await
    }

    /// Starts it again, with the same arguments in the same folder, whether it has ended or has to be killed.
    pub async fn restart(&mut self) {
        self.process.sigkill();
        let folder = self.folder.path();
        self.process = spawn(&self.binary, &self.args, &self.environment, folder);
        self.wait_listening().await;
        self.wait_ready().await;
    }

    /// Waits until `/readyz` answers 200.
    ///
    /// # Panics
    /// When it does not within 20 s.
    pub async fn wait_ready(&self) {
        let admin = self.addr_of("admin");
        eventually(START_DEADLINE, || async {
            let (status, _) = crate::get(&admin, "/readyz").await?;
            (status == 200).then_some(())
        })
        .await;
    }

    async fn wait_listening(&mut self) {
        // The admin address is the last that is printed.
        self.addrs = listening_all(&mut self.process, "admin").await;
    }
}

fn spawn(
    binary: &str,
    args: &[String],
    environment: &[(String, String)],
    folder: &Path,
) -> Process {
    let mut program = program(binary);
    let environment = environment.iter().map(|(name, text)| (name, text));
    Process::spawn(program.args(args).envs(environment).current_dir(folder))
}

/// Waits until a process has printed where it listens under a name (`users`, say): `host:port`.
///
/// # Panics
/// When it ends first, or does not print that within 20 s.
pub async fn listening(process: &mut Process, name: &str) -> String {
    let addrs = listening_all(process, name).await;
    addrs[name].to_string()
}

/// All that it has printed once there is an address of that name.
async fn listening_all(process: &mut Process, name: &str) -> BTreeMap<String, SocketAddr> {
    eventually(START_DEADLINE, || {
        let ended = process.ended();
        let addrs = addresses(&process.stdout());
        std::future::ready(match ended {
            _ if addrs.contains_key(name) => Some(addrs),
            Some(status) => panic!("ended with {status} before it listened"),
            None => None,
        })
    })
    .await
}

/// `args` and, for each address that they leave open, the flag that puts it on a free port.
fn on_free_ports(binary: &str, args: &[&str]) -> Vec<String> {
    let of_suite = |service: &&str| format!("--{service}-listen");
    let mut listen: Vec<String> = match binary {
        "muster" => SERVICES.iter().map(of_suite).collect(),
        _ => vec!["--listen".to_owned()],
    };
    match binary {
        "muster" => listen.push("--gateway-web".to_owned()),
        "muster-gateway" => listen.push("--web".to_owned()),
        _ => {}
    }
    let mut all: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    for flag in listen.into_iter().chain(["--admin".to_owned()]) {
        let given = args
            .iter()
            .any(|arg| *arg == flag || arg.starts_with(&format!("{flag}=")));
        if !given {
            all.extend([flag, "127.0.0.1:0".to_owned()]);
        }
    }
    all
}

/// The rows of standard output that begin with a name and an address; a half-written last row does not count.
fn addresses(stdout: &str) -> BTreeMap<String, SocketAddr> {
    let whole = stdout.rfind('\n').map_or("", |end| &stdout[..end]);
    whole
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?.to_owned(), words.next()?.parse().ok()?))
        })
        .collect()
}
