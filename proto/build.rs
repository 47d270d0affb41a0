//! Generates the messages, clients and servers with protox, so that no protoc is needed.

use std::error::Error;
use std::path::PathBuf;

use prost_types::{FileDescriptorProto, FileDescriptorSet};

/// Contracts that existing clients speak, below `compat/`.
const COMPAT: [&str; 4] = [
    "compat/activityevents.proto",
    "compat/notificator.proto",
    "compat/presence.proto",
    "compat/scheduling.proto",
];

/// muster's own API, and the health protocol (whose `List` tonic-health does not have).
const OWN: [&str; 7] = [
    "grpc/health/v1/health.proto",
    "muster/activity/v1/activity.proto",
    "muster/notificator/v1/notificator.proto",
    "muster/presence/v1/presence.proto",
    "muster/presence/v1/replication.proto",
    "muster/tasks/v1/tasks.proto",
    "muster/users/v1/users.proto",
];

/// What others serve: the registry, and collectors of traces.
const USED: [&str; 2] = ["etcd/etcd.proto", "opentelemetry/trace.proto"];

/// Encoded spans, which are sent again without a copy.
const SPANS: &str = ".opentelemetry.proto.collector.trace.v1.ResourceSpans.scope_spans";

/// Streams of this package are many and idle, their messages tiny: a codec with small buffers.
const SMALL_MESSAGES: &str = "cloudstate.samples.chat.presence";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=compat");
    println!("cargo:rerun-if-changed=etcd");
    println!("cargo:rerun-if-changed=grpc");
    println!("cargo:rerun-if-changed=muster");
    println!("cargo:rerun-if-changed=opentelemetry");

    let mut compiler = protox::Compiler::new(["."])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(COMPAT)?;
    compiler.open_files(OWN)?;

    // Encoded by the compiler itself: decoding into prost's types would drop custom options.
    let out = PathBuf::from(std::env::var("OUT_DIR")?).join("descriptors.bin");
    std::fs::write(out, compiler.encode_file_descriptor_set())?;

    let files = compiler.file_descriptor_set().file;
    let of_small = |package: &str| package == SMALL_MESSAGES;
    let small = files
        .iter()
        .filter(|f| of_small(f.package()) || is_imported(f));
    generate(
        small.cloned().collect(),
        Some("crate::codec::SmallMessageCodec"),
    )?;
    let rest = files.iter().filter(|f| !of_small(f.package()));
    generate(rest.cloned().collect(), None)?;
    USED.iter().try_for_each(|file| generate_used(file))
}

/// Used, not served (but by tests and benchmarks), hence not among the descriptors.
fn generate_used(file: &str) -> Result<(), Box<dyn Error>> {
    let file = protox::compile([file], ["."])?;
    tonic_prost_build::configure()
        .build_transport(false)
        .bytes(SPANS)
        .compile_fds(file)?;
    Ok(())
}

fn is_imported(file: &FileDescriptorProto) -> bool {
    file.package().starts_with("google.") || file.package() == "cloudstate"
}

fn generate(file: Vec<FileDescriptorProto>, codec: Option<&str>) -> Result<(), Box<dyn Error>> {
    let mut builder = tonic_prost_build::configure().build_transport(false);
    if let Some(codec) = codec {
        builder = builder.codec_path(codec);
    }
    builder.compile_fds(FileDescriptorSet { file })?;
    Ok(())
}
