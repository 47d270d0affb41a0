//! Server reflection, v1 and v1alpha: what grpcurl asks.

use tonic_reflection::pb::{v1, v1alpha};
use tonic_reflection::server::{Builder, Error};

/// Both versions; each lists both, since a client asks one of them for everything.
pub(crate) const OWN_NAMES: [&str; 2] = [
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
];

/// A builder for the services of one port: it lists those names and nothing else.
pub(crate) fn builder(names: &[String]) -> Builder<'static> {
    let files = Builder::configure()
        .register_encoded_file_descriptor_set(muster_proto::DESCRIPTORS)
        // The details of errors: without them grpcurl shows bytes.
        .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(v1::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(v1alpha::FILE_DESCRIPTOR_SET)
        .include_reflection_service(false);
    let names = names.iter().map(String::as_str).chain(OWN_NAMES);
    names.fold(files, Builder::with_service_name)
}

/// Adds both versions to a set of routes.
///
/// # Errors
/// The descriptor set cannot be read.
pub(crate) fn add_to(
    routes: tonic::service::Routes,
    names: &[String],
) -> Result<tonic::service::Routes, Error> {
    Ok(routes
        .add_service(builder(names).build_v1()?)
        .add_service(builder(names).build_v1alpha()?))
}
