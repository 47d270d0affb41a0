//! A real RabbitMQ, of the version that Debian ships (3.10).

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{Process, eventually, find, free_port};

/// Where Debian puts the broker itself. What lies in /usr/sbin under the same names changes the user first.
const FOLDER: &str = "/usr/lib/rabbitmq/bin";
const START_DEADLINE: Duration = Duration::from_secs(60);
/// More than any disk has.
const ALARMING_BYTES: &str = "1000000000000000";
const HARMLESS_BYTES: &str = "1000000";
/// A broker of a test does not push back for what else runs on the machine, unless it is told to.
const CONFIG: &str = "\
log.console.level = warning
vm_memory_high_watermark.absolute = 2GB
disk_free_limit.absolute = 1MB
";

/// One broker with its own data folder on its own ports, which it keeps through restarts. The user is `guest`.
#[derive(Debug)]
pub struct RabbitMq {
    ports: Ports,
    folder: TempDir,
    process: Process,
    /// Erlang's port mapper, without which no rabbitmqctl finds the broker; one for each, so that none outlives us.
    _epmd: Process,
}

#[derive(Debug, Clone, Copy)]
struct Ports {
    amqp: SocketAddr,
    distribution: u16,
    epmd: u16,
}

impl RabbitMq {
    /// Starts an empty broker and waits until it speaks AMQP.
    ///
    /// # Panics
    /// When it is not installed, or does not speak within a minute.
    pub async fn start() -> RabbitMq {
        RabbitMq::start_on(Ipv4Addr::LOCALHOST.into()).await
    }

    /// One at another address of this machine, where `guest` is not let in: see [`RabbitMq::let_in`].
    ///
    /// # Panics
    /// When it is not installed, or does not speak within a minute.
    pub async fn start_on(ip: IpAddr) -> RabbitMq {
        let folder = tempfile::tempdir().expect("no folder for the data of RabbitMQ");
        prepare(folder.path()).expect("cannot write into the folder of RabbitMQ");
        let ports = Ports {
            amqp: SocketAddr::new(ip, free_port()),
            distribution: free_port(),
            epmd: free_port(),
        };
        let epmd = spawn_epmd(ports.epmd).await;
        let process = Process::spawn(&mut command("rabbitmq-server", folder.path(), ports));
        let mut broker = RabbitMq {
            ports,
            folder,
            process,
            _epmd: epmd,
        };
        broker.wait_ready().await;
        broker
    }

    /// Where clients reach it: `amqp://guest:guest@127.0.0.1:PORT/%2f`.
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@{}/%2f", self.ports.amqp)
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.ports.amqp
    }

    /// Adds a user who may do anything, from anywhere.
    ///
    /// # Panics
    /// When the broker does not answer.
    pub async fn let_in(&self, user: &str, password: &str) {
        self.rabbitmqctl(&["add_user", user, password]).await;
        self.rabbitmqctl(&["set_permissions", user, ".*", ".*", ".*"])
            .await;
    }

    /// The process, to freeze it for example.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Ends it with SIGKILL.
    pub fn kill(&mut self) {
        self.process.sigkill();
    }

    /// Starts it again on what it had stored, at the same address; kills it first if it still runs.
    pub async fn restart(&mut self) {
        self.kill();
        let mut command = command("rabbitmq-server", self.folder.path(), self.ports);
        self.process = Process::spawn(&mut command);
        self.wait_ready().await;
    }

    /// Writes down which quorum queues there are. RabbitMQ 3.10 does that seconds after it made one; killed before, it
    /// comes back with a queue that takes nothing.
    ///
    /// # Panics
    /// When the broker does not answer.
    pub async fn settle(&self) {
        let sync = "[ok = dets:sync(Table) || Table <- dets:all()].";
        self.rabbitmqctl(&["eval", sync]).await;
    }

    /// Raises the disk alarm: it takes nothing from publishers any more, and does not answer them.
    ///
    /// # Panics
    /// When the broker does not answer.
    pub async fn raise_disk_alarm(&self) {
        self.limit_disk(ALARMING_BYTES, true).await;
    }

    /// Lifts the disk alarm again.
    ///
    /// # Panics
    /// When the broker does not answer.
    pub async fn lift_disk_alarm(&self) {
        self.limit_disk(HARMLESS_BYTES, false).await;
    }

    /// Sets how much of the disk must be free, and waits until the alarm is as it should be.
    async fn limit_disk(&self, free_bytes: &str, alarmed: bool) {
        self.rabbitmqctl(&["set_disk_free_limit", free_bytes]).await;
        eventually(START_DEADLINE, || async {
            let alarms = self.rabbitmqctl(&["eval", "rabbit_alarm:get_alarms()."]);
            (alarms.await.contains("disk") == alarmed).then_some(())
        })
        .await;
    }

    /// Closes all connections of clients.
    ///
    /// # Panics
    /// When the broker does not answer.
    pub async fn close_connections(&self) {
        self.rabbitmqctl(&["close_all_connections", "cut by a test"])
            .await;
    }

    /// How many messages lie in a queue, delivered ones that nobody has acknowledged among them, as counted some 100 ms
    /// ago; `None` if there is no such queue.
    ///
    /// # Panics
    /// When the broker does not answer.
    pub async fn messages_in(&self, queue: &str) -> Option<u64> {
        let list = &["list_queues", "--no-table-headers", "name", "messages"];
        let table = self.rabbitmqctl(list).await;
        let mut rows = table.lines().filter_map(|row| row.split_once('\t'));
        let (_, messages) = rows.find(|(name, _)| *name == queue)?;
        messages.parse().ok()
    }

    /// Any command of rabbitmqctl: what it printed.
    ///
    /// # Panics
    /// When the command fails.
    pub async fn rabbitmqctl(&self, args: &[&str]) -> String {
        let mut command = command("rabbitmqctl", self.folder.path(), self.ports);
        // Its own node needs to listen to nobody.
        command.env("RABBITMQ_CTL_ERL_ARGS", "-dist_listen false");
        command.arg("--quiet").args(args);
        crate::run(&mut command.into(), "").await.ok()
    }

    async fn wait_ready(&mut self) {
        let (addr, process) = (self.ports.amqp, &mut self.process);
        eventually(START_DEADLINE, || {
            let ended = process.ended();
            assert!(ended.is_none(), "ended: {}", process.transcript());
            greets(addr)
        })
        .await;
    }
}

/// Whether a broker opens an AMQP connection there.
async fn greets(addr: SocketAddr) -> Option<()> {
    let mut socket = TcpStream::connect(addr).await.ok()?;
    socket.write_all(b"AMQP\0\0\x09\x01").await.ok()?;
    let mut frame_type = [0];
    socket.read_exact(&mut frame_type).await.ok()?;
    (frame_type == [1]).then_some(())
}

/// Lays out the folder of a broker: settings, no plugins, and an installation that holds but what it needs.
fn prepare(folder: &Path) -> io::Result<()> {
    fs::write(folder.join("rabbitmq.conf"), CONFIG)?;
    fs::write(folder.join("enabled_plugins"), "[].\n")?;
    let Some(installation) = installation() else {
        return Ok(());
    };
    fs::create_dir_all(folder.join("home/plugins"))?;
    for part in ["sbin", "escript"] {
        symlink(installation.join(part), folder.join("home").join(part))?;
    }
    for plugin in fs::read_dir(installation.join("plugins"))? {
        let plugin = plugin?;
        if is_needed(&plugin.file_name().to_string_lossy()) {
            let link = folder.join("home/plugins").join(plugin.file_name());
            symlink(plugin.path(), link)?;
        }
    }
    Ok(())
}

/// Whether a broker without plugins starts only with that folder. Erlang looks for each module in every one of them:
/// without the others a start takes half the time.
fn is_needed(plugin: &str) -> bool {
    const OTHERS: [&str; 6] = ["rabbitmq_", "cow", "gun", "prometheus", "jose", "eetcd"];
    plugin.starts_with("rabbitmq_prelaunch") || !OTHERS.iter().any(|name| plugin.starts_with(name))
}

/// The folder of the installed broker, in which `sbin` and `plugins` lie; `None` if it is laid out otherwise.
fn installation() -> Option<PathBuf> {
    let server = fs::canonicalize(Path::new(FOLDER).join("rabbitmq-server")).ok()?;
    let folder = server.parent()?.parent()?.to_owned();
    folder.join("plugins").is_dir().then_some(folder)
}

/// A program of RabbitMQ for the broker of that folder.
fn command(program: &str, folder: &Path, ports: Ports) -> Command {
    let trimmed = folder.join("home/sbin").join(program);
    let is_trimmed = trimmed.is_file();
    let mut command = Command::new(if is_trimmed { trimmed } else { find(program) });
    if is_trimmed {
        command.env("RABBITMQ_SCRIPTS_DIR", folder.join("home/sbin"));
    }
    let path = |name: &str| folder.join(name);
    command
        .current_dir(folder)
        // The cookie that lets rabbitmqctl in lies there.
        .env("HOME", folder)
        .env(
            "RABBITMQ_NODENAME",
            format!("test{}@localhost", ports.amqp.port()),
        )
        .env("RABBITMQ_BASE", folder)
        .env("RABBITMQ_MNESIA_BASE", path("data"))
        .env("RABBITMQ_LOG_BASE", path("log"))
        .env("RABBITMQ_LOGS", "-")
        .env("RABBITMQ_CONFIG_FILE", path("rabbitmq.conf"))
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", path("enabled_plugins"))
        .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
        .env("RABBITMQ_SCHEDULER_BIND_TYPE", "u")
        .env(
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
            "-rabbit quorum_tick_interval 100",
        )
        .env("RABBITMQ_NODE_IP_ADDRESS", ports.amqp.ip().to_string())
        .env("RABBITMQ_NODE_PORT", ports.amqp.port().to_string())
        .env("RABBITMQ_DIST_PORT", ports.distribution.to_string())
        .env("ERL_EPMD_PORT", ports.epmd.to_string())
        .env("ERL_EPMD_ADDRESS", "127.0.0.1")
        // The script then becomes the broker, instead of a shell that waits for it.
        .env("RUNNING_UNDER_SYSTEMD", "true");
    command
}

async fn spawn_epmd(port: u16) -> Process {
    let mut command = Command::new(find("epmd"));
    command.args(["-port", &port.to_string(), "-address", "127.0.0.1"]);
    let epmd = Process::spawn(&mut command);
    eventually(START_DEADLINE, || async {
        TcpStream::connect(("127.0.0.1", port)).await.ok()
    })
    .await;
    epmd
}
