//! Files that change while the service runs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use muster_kit::channel::Channel;
use muster_kit::tls::{File, Files, Tls};
use muster_proto::health::v1::HealthCheckRequest;
use muster_proto::health::v1::health_client::HealthClient;
use muster_testkit::{Service, eventually};
use tempfile::TempDir;
use tonic::Status;

use crate::SOON;
use crate::pki::{Identity, Pki};

const LOADERS: usize = 4;
/// So many connections at least are made in each state of the files.
const CONNECTIONS: u64 = 20;

/// What a pod has: files behind a link that is swapped as a whole.
struct Mounted {
    folder: TempDir,
    version: usize,
}

impl Mounted {
    fn new(shown: &Identity, cas: &[&Pki]) -> Mounted {
        let folder = tempfile::tempdir().unwrap();
        let mut mounted = Mounted { folder, version: 0 };
        mounted.swap(shown, cas);
        mounted
    }

    fn swap(&mut self, shown: &Identity, cas: &[&Pki]) {
        self.version += 1;
        let version = self.folder.path().join(format!("v{}", self.version));
        fs::create_dir(&version).unwrap();
        fs::copy(&shown.cert, version.join("tls.crt")).unwrap();
        fs::copy(&shown.key, version.join("tls.key")).unwrap();
        let bundle: String = cas
            .iter()
            .map(|ca| fs::read_to_string(ca.ca()).unwrap())
            .collect();
        fs::write(version.join("ca.crt"), bundle).unwrap();
        let link = self.folder.path().join("new");
        symlink(&version, &link).unwrap();
        fs::rename(link, self.live()).unwrap();
    }

    fn live(&self) -> PathBuf {
        self.folder.path().join("live")
    }

    fn settings(&self) -> [String; 6] {
        let path = |name| self.live().join(name).display().to_string();
        [
            "--tls-cert".to_owned(),
            path("tls.crt"),
            "--tls-key".to_owned(),
            path("tls.key"),
            "--tls-client-ca".to_owned(),
            path("ca.crt"),
        ]
    }

    async fn start(&self) -> Service {
        let settings = self.settings();
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        Service::start("muster-activity", &settings).await
    }
}

/// A new connection with what lies in a folder now.
fn connect(folder: &Path, addr: &str) -> Channel {
    let file = |name: &str| {
        let path = folder.join(name);
        Some(File { flag: "", path })
    };
    let files = Files {
        cert: file("tls.crt"),
        key: file("tls.key"),
        ca: file("ca.crt"),
        ..Files::default()
    };
    Tls::read(files).unwrap().address().one(addr)
}

async fn call(channel: &Channel) -> Result<(), Status> {
    let request = HealthCheckRequest::default();
    let checked = HealthClient::new(channel.clone()).check(request).await;
    checked.map(drop)
}

async fn told(service: &mut Service, what: &str, times: usize) {
    eventually(SOON, || {
        let told = service.process().transcript().matches(what).count();
        std::future::ready((told >= times).then_some(()))
    })
    .await;
}

/// Connections and calls, one after the other, until they are to end.
#[derive(Default)]
struct Load {
    over: AtomicBool,
    connections: AtomicU64,
}

impl Load {
    async fn run(self: Arc<Self>, folder: PathBuf, addr: String) -> Result<(), Status> {
        while !self.over.load(Ordering::Relaxed) {
            call(&connect(&folder, &addr)).await?;
            self.connections.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    async fn some_more(&self) {
        let start = self.connections.load(Ordering::Relaxed);
        eventually(SOON, || {
            let made = self.connections.load(Ordering::Relaxed) - start;
            std::future::ready((made >= CONNECTIONS).then_some(()))
        })
        .await;
    }
}

#[tokio::test]
async fn a_rotation_of_certificates_and_of_their_ca_under_load_fails_no_call() {
    let (old, new) = (Pki::new("old"), Pki::new("new"));
    let [shown, caller] = ["service", "caller"].map(|name| old.issue(name));
    let [shown_next, caller_next] = ["service", "caller"].map(|name| new.issue(name));
    let mut service_files = Mounted::new(&shown, &[&old]);
    let mut caller_files = Mounted::new(&caller, &[&old]);
    let mut service = service_files.start().await;
    let (live, addr) = (caller_files.live(), service.addr());
    let lasting = connect(&live, &addr);
    let load = Arc::new(Load::default());
    let loaders: Vec<_> = (0..LOADERS)
        .map(|_| tokio::spawn(Arc::clone(&load).run(live.clone(), addr.clone())))
        .collect();
    load.some_more().await;
    for (step, (shown, caller, cas)) in [
        (&shown, &caller, &[&old, &new][..]),
        (&shown_next, &caller_next, &[&old, &new]),
        (&shown_next, &caller_next, &[&new]),
    ]
    .into_iter()
    .enumerate()
    {
        caller_files.swap(caller, cas);
        service_files.swap(shown, cas);
        told(&mut service, "new certificates are in force", step + 1).await;
        load.some_more().await;
        call(&lasting).await.unwrap();
    }
    load.over.store(true, Ordering::Relaxed);
    for loader in loaders {
        loader.await.unwrap().unwrap();
    }
    let late = Mounted::new(&caller, &[&old, &new]);
    let refused = call(&connect(&late.live(), &addr)).await.unwrap_err();
    assert!(refused.message().contains("UnknownCA"), "{refused}");
}

#[tokio::test]
async fn what_cannot_be_read_leaves_the_old_in_force_and_is_logged() {
    let (own, foreign) = (Pki::new("own"), Pki::new("foreign"));
    let shown = own.issue("service");
    let mut mounted = Mounted::new(&shown, &[&own]);
    let callers = Mounted::new(&own.issue("caller"), &[&own]);
    let mut service = mounted.start().await;
    let stays = "the certificates from before stay in force";
    let other = foreign.issue("service");
    let mixed = Identity {
        cert: other.cert,
        key: shown.key.clone(),
    };
    mounted.swap(&mixed, &[&own]);
    told(&mut service, stays, 1).await;
    call(&connect(&callers.live(), &service.addr()))
        .await
        .unwrap();
    fs::remove_file(mounted.live()).unwrap();
    told(&mut service, stays, 2).await;
    call(&connect(&callers.live(), &service.addr()))
        .await
        .unwrap();
    mounted.swap(&own.issue("service"), &[&own]);
    told(&mut service, "new certificates are in force", 1).await;
    call(&connect(&callers.live(), &service.addr()))
        .await
        .unwrap();
}
