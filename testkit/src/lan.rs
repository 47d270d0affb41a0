//! Hosts on one switch, where it can be cut what one hears of another.

use std::net::Ipv4Addr;
use std::process::{Command, Stdio};

use crate::network::{HOLD, Network};
use crate::process::Process;

/// Hosts with an address each, in network namespaces of their own, on one switch.
#[derive(Debug)]
pub struct Lan {
    hosts: Vec<Host>,
    /// Ends after the hosts that are plugged into it.
    _switch: Network,
}

/// A host on a [`Lan`].
#[derive(Debug)]
pub struct Host {
    network: Network,
    number: u8,
}

impl Lan {
    /// Makes one of so many hosts.
    ///
    /// # Panics
    /// When this system lets us make none, or there are more than 200.
    pub async fn of(hosts: u8) -> Lan {
        assert!(hosts <= 200, "a lan of {hosts} hosts");
        let switch = Network::private().await;
        ip(&switch, "link add name switch type bridge");
        ip(&switch, "link set switch up");
        let mut plugged = Vec::new();
        for number in 1..=hosts {
            plugged.push(Host::plugged(&switch, number).await);
        }
        let lan = Lan {
            hosts: plugged,
            _switch: switch,
        };
        lan.introduce_all();
        lan
    }

    /// One of the hosts; the first is 0.
    pub fn host(&self, index: usize) -> &Host {
        &self.hosts[index]
    }

    /// Cuts two hosts from each other, as [`Lan::cut_one_way`] does.
    pub fn cut(&self, one: usize, other: usize) {
        self.cut_one_way(one, other);
        self.cut_one_way(other, one);
    }

    /// Lets two hosts hear each other again.
    pub fn heal(&self, one: usize, other: usize) {
        self.heal_one_way(one, other);
        self.heal_one_way(other, one);
    }

    /// From now on nothing that one host sends reaches the other, and nothing tells either of them.
    pub fn cut_one_way(&self, from: usize, to: usize) {
        self.direct(from, to, "02:00:00:00:ff:ff");
    }

    /// Lets a host be heard by the other one again.
    pub fn heal_one_way(&self, from: usize, to: usize) {
        self.direct(from, to, &self.hosts[to].mac());
    }

    fn introduce_all(&self) {
        let count = self.hosts.len();
        let pairs = (0..count).flat_map(|from| (0..count).map(move |to| (from, to)));
        pairs
            .filter(|(from, to)| from != to)
            .for_each(|(from, to)| self.heal_one_way(from, to));
    }

    /// Sends what one host has for another to a network card: one that nobody has is a black hole.
    fn direct(&self, from: usize, to: usize, mac: &str) {
        let addr = self.hosts[to].addr();
        let neighbour = format!("neigh replace {addr} lladdr {mac} dev eth0 nud permanent");
        ip(&self.hosts[from].network, &neighbour);
    }
}

impl Host {
    async fn plugged(switch: &Network, number: u8) -> Host {
        let mut holder = switch.command("unshare");
        holder.args(["--net", "sh", "-c", HOLD]);
        let network = Network::held_by(Process::spawn(&mut holder)).await;
        let host = Host { network, number };
        let (mac, pid) = (host.mac(), host.network.pid());
        ip(
            switch,
            &format!(
                "link add name port{number} type veth peer name eth0 address {mac} netns {pid}"
            ),
        );
        ip(switch, &format!("link set port{number} master switch up"));
        let addr = host.addr();
        ip(&host.network, &format!("addr add {addr}/24 dev eth0"));
        ip(&host.network, "link set eth0 up");
        host
    }

    /// Its address on the lan.
    pub fn addr(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, 0, self.number)
    }

    /// A command that will run on it.
    pub fn command(&self, program: &str) -> Command {
        self.network.command(program)
    }

    /// A command that will run one of our binaries on it, as [`program`](crate::program) does.
    ///
    /// # Panics
    /// When it has not been built.
    pub fn program(&self, binary: &str) -> Command {
        let here = crate::program(binary);
        let mut there = self.command(&here.get_program().to_string_lossy());
        let removed = here.get_envs().filter(|(_, value)| value.is_none());
        for (name, _) in removed {
            there.env_remove(name);
        }
        there
    }

    fn mac(&self) -> String {
        format!("02:00:00:00:00:{:02x}", self.number)
    }
}

/// Sets something up with iproute2, from within a network.
fn ip(network: &Network, args: &str) {
    let mut command = network.command("ip");
    let command = command.args(args.split(' ')).stdin(Stdio::null());
    let done = command.output().expect("ip can be started");
    let told = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "ip {args}: {told}");
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::wait::eventually;

    const DEADLINE: Duration = Duration::from_secs(10);
    /// Calls its number to all others a hundred times a second, and prints whom it hears.
    const CALLER: &str = "import socket, sys, threading
plug = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
plug.bind(('0.0.0.0', 9000))
pause = threading.Event()
def call():
    while True:
        for host in '123':
            plug.sendto(sys.argv[1].encode(), ('10.0.0.' + host, 9000))
        pause.wait(0.01)
threading.Thread(target=call, daemon=True).start()
while True: print(plug.recv(9).decode(), end='', flush=True)";

    /// A program on each of three hosts.
    struct Callers(Vec<Process>);

    impl Callers {
        fn start(lan: &Lan) -> Callers {
            let start = |index: usize| {
                let mut python = lan.host(index).command("/usr/bin/python3");
                Process::spawn(python.args(["-c", CALLER, &index.to_string()]))
            };
            Callers((0..3).map(start).collect())
        }

        /// How often one of them has heard another one.
        fn count(&self, from: usize, to: usize) -> usize {
            self.0[to].stdout().matches(&from.to_string()).count()
        }

        /// Waits until one of them has heard another one so many times more.
        async fn hears(&self, from: usize, to: usize) {
            let before = self.count(from, to);
            let more = || std::future::ready((self.count(from, to) > before + 20).then_some(()));
            eventually(DEADLINE, more).await;
        }
    }

    #[tokio::test]
    async fn a_host_is_heard_by_all_but_whom_it_is_cut_from_until_that_is_healed() {
        let lan = Lan::of(3).await;
        let callers = Callers::start(&lan);
        for (from, to) in [(1, 0), (2, 0), (0, 1), (2, 1)] {
            callers.hears(from, to).await;
        }
        lan.cut_one_way(1, 0);
        callers.hears(2, 0).await;
        let before = callers.count(1, 0);
        callers.hears(2, 0).await;
        callers.hears(0, 1).await;
        callers.hears(1, 2).await;
        assert_eq!(callers.count(1, 0), before);
        lan.heal_one_way(1, 0);
        callers.hears(1, 0).await;
    }
}
