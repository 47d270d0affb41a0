//! A disk that is full: writes are refused, everything else goes on, and so do writes when there
//! is room.

use std::fs;
use std::time::Duration;

use muster_proto::muster::activity::v1 as pb;
use muster_testkit::{Process, SmallDisk, eventually, get, grpcurl, listening, target_dir};
use tonic::{Code, Status};

use crate::client::Client;
use crate::events;
use crate::ledger::{Acked, Ledger};

const DISK_MIB: u32 = 32;
/// What an old backup takes of it.
const BACKUP_BYTES: usize = 8 * 1024 * 1024;
const BATCH_EVENTS: u64 = 500;
const SOON: Duration = Duration::from_secs(10);

/// The service with its store on a small disk, and beside it an old backup.
struct Scene {
    disk: SmallDisk,
    process: Process,
    client: Client,
    admin: String,
    addr: String,
    /// All below this number were sent, and acknowledged.
    next: u64,
}

impl Scene {
    async fn set() -> Scene {
        let disk = SmallDisk::of_mib(DISK_MIB).await;
        fs::write(
            disk.path_from_outside().join("backup.db"),
            vec![1; BACKUP_BYTES],
        )
        .unwrap();
        let (process, addr, admin) = serve(&disk).await;
        Scene {
            client: Client::of(&addr),
            disk,
            process,
            admin,
            addr,
            next: 1,
        }
    }

    /// Appends a batch of new events.
    async fn append(&mut self) -> Result<(), Status> {
        let numbers = self.next..self.next + BATCH_EVENTS;
        let events: Vec<pb::NewEvent> = numbers.map(events::new).collect();
        self.client.append(events).await?;
        self.next += BATCH_EVENTS;
        Ok(())
    }

    /// Appends until it is refused: why.
    async fn fill(&mut self) -> Status {
        loop {
            if let Err(status) = self.append().await {
                return status;
            }
        }
    }

    /// Asserts that no new event is taken, whichever way it comes.
    async fn assert_refused(&mut self) {
        let appended = self.append().await.unwrap_err();
        let created = self.client.create(events::compat(self.next * 2)).await;
        for refused in [appended, created.unwrap_err()] {
            assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
        }
    }

    fn remove_backup(&self) {
        fs::remove_file(self.disk.path_from_outside().join("backup.db")).unwrap();
    }

    /// Asserts that all that was acknowledged can be read, and nothing twice.
    async fn assert_whole(&mut self) {
        let mut ledger = Ledger::default();
        ledger.read(&mut self.client).await;
        let acked = (1..self.next).map(|number| Acked::Event(number, None));
        ledger.assert_has(&acked.collect::<Vec<_>>());
        ledger.assert_unchanged(&mut self.client).await;
    }

    async fn assert_serving(&self) {
        let check = "grpc.health.v1.Health/Check";
        let health = grpcurl(&["-plaintext", &self.addr, check], "").await.ok();
        assert!(health.contains("\"SERVING\""), "{health}");
        let (status, body) = get(&self.admin, "/readyz").await.unwrap();
        assert_eq!(status, 200, "{body}");
    }

    async fn restart(&mut self) {
        self.process.sigkill();
        (self.process, self.addr, self.admin) = serve(&self.disk).await;
        self.client = Client::of(&self.addr);
    }
}

async fn serve(disk: &SmallDisk) -> (Process, String, String) {
    let mut command = disk.command(&target_dir().join("muster-activity"));
    let store = format!("sqlite:{}/activity.db", disk.path().display());
    command.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    let mut process = Process::spawn(command.args(["--store", &store]));
    let admin = listening(&mut process, "admin").await;
    let addr = listening(&mut process, "activity").await;
    eventually(SOON, || async {
        let (status, _) = get(&admin, "/readyz").await?;
        (status == 200).then_some(())
    })
    .await;
    (process, addr, admin)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_writes_alone_and_only_while_it_is_full() {
    let mut scene = Scene::set().await;
    let refused = scene.fill().await;
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
    scene.assert_refused().await;
    scene.assert_whole().await;
    scene.assert_serving().await;
    scene.restart().await;
    scene.assert_refused().await;
    scene.assert_serving().await;

    scene.remove_backup();
    scene.append().await.unwrap();
    scene.assert_serving().await;
    scene.restart().await;
    scene.append().await.unwrap();
    scene.assert_whole().await;
}
