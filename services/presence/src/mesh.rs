//! Links with the other replicas, and the passing of time.
//!
//! Each pair of replicas has one link. The smaller name dials; the other one does where that has not happened in time,
//! because it is new and nobody knows it yet, or because the way is open in one direction alone.

mod link;
mod wire;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use muster_kit::Shutdown;
use muster_kit::discovery::{Endpoints, Registry};
use muster_kit::health::Need;
use muster_kit::tls::Dial;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

pub use self::link::Replication;
use crate::SERVICE;
use crate::metrics::{self, Convergence};
use crate::replica::{LinkId, TICK_MS};
use crate::roster::Roster;

/// How long the one who is to dial may take until the other one does.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long a member that cannot be reached is left alone.
const REDIAL: Duration = Duration::from_millis(200);
/// How long a new replica waits to hear from all others before it serves without.
const SYNC: Duration = Duration::from_secs(5);
/// How often gauges are set: once a second.
const TICKS_PER_COUNT: u64 = 1000 / TICK_MS;
/// How long a replica that stops waits until it has told that.
const FAREWELL: Duration = Duration::from_millis(500);

/// All links of this replica.
#[derive(Debug)]
pub struct Mesh {
    roster: Arc<Roster>,
    /// How the other replicas are dialled.
    dial: Dial,
    /// Fires when the links are to end.
    end: Shutdown,
    /// Moves when there may be something to say, votes of this replica aside.
    stirred: watch::Sender<()>,
    /// What cuts a link that is open.
    open: Mutex<HashMap<LinkId, Shutdown>>,
}

impl Mesh {
    /// Without links yet.
    #[must_use]
    pub fn new(roster: Arc<Roster>, dial: Dial) -> Arc<Self> {
        Arc::new(Self {
            roster,
            dial,
            end: Shutdown::new(),
            stirred: watch::Sender::new(()),
            open: Mutex::default(),
        })
    }

    /// Keeps the links, until the process stops: then says so to all others, and fires `told`.
    pub async fn run(
        self: Arc<Self>,
        registry: Registry,
        synced: Need,
        stop: Shutdown,
        told: Shutdown,
    ) {
        let kept = async {
            tokio::join!(
                self.pass_time(),
                self.keep_links(&registry),
                self.sync(synced)
            );
        };
        let left = async {
            stop.cancelled().await;
            self.leave().await;
        };
        tokio::select! {
            () = kept => {}
            () = left => {}
        }
        told.cancel();
        self.end.cancel();
    }

    async fn pass_time(&self) {
        let mut ticks = interval(Duration::from_millis(TICK_MS));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut convergence = Convergence::default();
        for tick in 0_u64.. {
            ticks.tick().await;
            self.roster.tick();
            let (dead, replicas) = self
                .roster
                .with_replica(|replica, _| (replica.dead_links(), replica.replicas()));
            dead.iter().for_each(|link| self.cut(*link));
            convergence.record(&replicas);
            if tick.is_multiple_of(TICKS_PER_COUNT) {
                self.roster.tell_counts();
                metrics::tell(&replicas);
            }
            self.stirred.send_replace(());
        }
    }

    /// One task for each member that discovery lists.
    async fn keep_links(self: &Arc<Self>, registry: &Registry) {
        let mut endpoints = registry.watch(SERVICE.name);
        registry.listed(&mut endpoints).await;
        let mut tasks: BTreeMap<Arc<str>, AbortOnDropHandle<()>> = BTreeMap::new();
        loop {
            let members = members(&endpoints.borrow_and_update());
            let others: BTreeSet<_> = members
                .into_iter()
                .filter(|member| !self.is_me(member))
                .collect();
            self.roster
                .with_replica(|replica, _| replica.list(others.clone()));
            tasks.retain(|member, _| others.contains(member));
            for member in others {
                tasks.entry(member).or_insert_with_key(|member| {
                    let keep = Arc::clone(self).keep_link(member.clone());
                    AbortOnDropHandle::new(tokio::spawn(keep))
                });
            }
            if endpoints.changed().await.is_err() {
                // Nobody will say more: what is known stands.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Sees to it that there is a link with a member. One that is open outlives the membership: who is there is
    /// there.
    async fn keep_link(self: Arc<Self>, member: Arc<str>) {
        let mut patience = self.patience(&member);
        loop {
            if self.is_linked(&member) {
                patience = self.patience(&member);
                sleep(Duration::from_millis(TICK_MS)).await;
            } else if !patience.is_zero() {
                let step = patience.min(Duration::from_millis(TICK_MS));
                patience -= step;
                sleep(step).await;
            } else {
                self.dial(&member).await;
                sleep(REDIAL).await;
            }
        }
    }

    async fn dial(self: &Arc<Self>, member: &Arc<str>) {
        match link::dial(self, member).await {
            Ok(()) => {}
            Err(error) => {
                tracing::debug!(%member, error = error.message(), "no link");
                self.roster
                    .with_replica(|replica, _| replica.unreachable(member.clone()));
            }
        }
    }

    fn patience(&self, member: &str) -> Duration {
        let dials = |replica: &crate::replica::Replica| {
            replica.is_new() || replica.me().is_some_and(|me| *me.replica < *member)
        };
        match self.roster.with_replica(|replica, _| dials(replica)) {
            true => Duration::ZERO,
            false => PATIENCE,
        }
    }

    fn is_linked(&self, member: &str) -> bool {
        self.roster
            .with_replica(|replica, _| replica.has_link_with(member))
    }

    fn is_me(&self, member: &str) -> bool {
        let is_me = |replica: &crate::replica::Replica| {
            replica.me().is_some_and(|me| *me.replica == *member)
        };
        self.roster.with_replica(|replica, _| is_me(replica))
    }

    /// A replica that knows less than the others would tell that users are offline who are not.
    async fn sync(&self, synced: Need) {
        let all_is_known = async {
            let mut stirred = self.stirred.subscribe();
            while !self.roster.with_replica(|replica, _| replica.is_synced()) {
                let _moved = stirred.changed().await;
            }
        };
        if timeout(SYNC, all_is_known).await.is_err() {
            tracing::warn!(
                waited_s = SYNC.as_secs(),
                "serving without having heard all other replicas"
            );
        }
        synced.met();
        std::future::pending().await
    }

    async fn leave(&self) {
        self.roster.leave();
        self.stirred.send_replace(());
        let mut stirred = self.stirred.subscribe();
        let told = async {
            while !self
                .roster
                .with_replica(|replica, _| replica.has_said_farewell())
            {
                let _moved = stirred.changed().await;
            }
        };
        if timeout(FAREWELL, told).await.is_err() {
            tracing::warn!("not all replicas were told of this stop");
        }
    }

    fn cut(&self, link: LinkId) {
        if let Some(cut) = self.links().get(&link) {
            cut.cancel();
        }
    }

    fn links(&self) -> MutexGuard<'_, HashMap<LinkId, Shutdown>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn members(endpoints: &Endpoints) -> BTreeSet<Arc<str>> {
    endpoints
        .iter()
        .map(|addr| Arc::from(addr.as_str()))
        .collect()
}
