//! `muster certs` where there is a CA already.

use std::fs;
use std::path::Path;

use muster_testkit::{Output, program, run};

async fn certs(folder: &Path) -> Output {
    let mut command = tokio::process::Command::from(program("muster"));
    let command = command.args(["certs", "--dir"]).arg(folder);
    run(command, "").await
}

fn read(folder: &Path, file: &str) -> String {
    fs::read_to_string(folder.join(file)).unwrap()
}

#[tokio::test]
async fn a_foreign_ca_or_one_whose_key_is_another_is_refused_and_nothing_is_written() {
    let (own, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    certs(own.path()).await.ok();
    certs(other.path()).await.ok();
    let foreign = rcgen::generate_simple_self_signed(["foreign".to_owned()]).unwrap();
    let key = foreign.signing_key.serialize_pem();
    for (ca, key) in [
        (read(own.path(), "ca.pem"), read(other.path(), "ca.key")),
        (foreign.cert.pem(), key),
        ("no PEM".to_owned(), read(own.path(), "ca.key")),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), &ca).unwrap();
        fs::write(folder.path().join("ca.key"), key).unwrap();
        let refused = certs(folder.path()).await;
        assert_eq!(refused.status.code(), Some(1), "{}", refused.stdout);
        let why = "ca.pem: not a CA of this command with its key beside it";
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
        assert!(!folder.path().join("tls.pem").exists());
        assert_eq!(read(folder.path(), "ca.pem"), ca);
    }
}
