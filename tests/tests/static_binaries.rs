//! The binaries of the images need nothing but a kernel.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::process::Command;

use muster_testkit::{BINARIES, EmptyRoot, Process, listening, run, static_binary};

/// The program header that names the dynamic linker (ELF-64, System V ABI).
const PT_INTERP: u32 = 3;

/// The types of the program headers of an ELF-64 file, little endian.
fn program_headers(file: &Path) -> Vec<u32> {
    let elf = std::fs::read(file).unwrap();
    assert_eq!(
        &elf[..6],
        b"\x7fELF\x02\x01",
        "{} is no such file",
        file.display()
    );
    let short = |at: usize| usize::from(u16::from_le_bytes([elf[at], elf[at + 1]]));
    let table = u64::from_le_bytes(elf[32..40].try_into().unwrap()) as usize;
    let (size, count) = (short(54), short(56));
    let kind = |index: usize| elf[table + index * size..][..4].try_into().unwrap();
    (0..count)
        .map(|index| u32::from_le_bytes(kind(index)))
        .collect()
}

#[test]
fn no_binary_of_the_images_asks_for_a_dynamic_linker() {
    for binary in BINARIES {
        let headers = program_headers(&static_binary(binary));
        assert!(
            !headers.contains(&PT_INTERP),
            "{binary} is linked dynamically"
        );
    }
    // The check sees a dynamic one: this test.
    assert!(program_headers(&std::env::current_exe().unwrap()).contains(&PT_INTERP));
}

#[tokio::test]
async fn a_binary_runs_and_is_probed_in_an_empty_root() {
    let root = EmptyRoot::with("muster-conflicts");
    let mut command = root.command("/bin/muster-conflicts");
    let mut service =
        Process::spawn(command.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]));
    let addr = listening(&mut service, "conflicts").await;

    let serving = probe(&root, &addr).await;
    assert_eq!(serving, (Some(0), "status: SERVING\n".to_owned()));
    drop(service);
    let (code, _) = probe(&root, &addr).await;
    assert_eq!(code, Some(2), "nothing listens any more");
}

/// The exit code and the words of the probe link, called in the same root.
async fn probe(root: &EmptyRoot, addr: &str) -> (Option<i32>, String) {
    let mut command: Command = root.command("/bin/grpc-health-probe");
    command
        .arg(format!("-addr={addr}"))
        .arg("-connect-timeout=5s")
        .arg("-rpc-timeout=5s");
    let output = run(&mut command.into(), "").await;
    (output.status.code(), output.stdout)
}
