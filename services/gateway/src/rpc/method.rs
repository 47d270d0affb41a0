//! Which methods are open to the edge, and who serves them: what the .proto files say.

use std::collections::BTreeMap;

use http::uri::PathAndQuery;
use prost_reflect::{
    DescriptorError, DescriptorPool, DynamicMessage, MessageDescriptor, MethodDescriptor,
    ServiceDescriptor, Value,
};

/// The method option that opens a method.
const OPEN: &str = "muster.edge.v1.open";
/// The service option that tells who serves it.
const DISCOVERED_AS: &str = "muster.edge.v1.discovered_as";

/// An open method.
#[derive(Debug, Clone)]
pub struct Method {
    /// `/package.Service/Method`.
    pub path: PathAndQuery,
    /// The name under which discovery knows who serves it: `tasks`.
    pub served_by: String,
    /// What it takes.
    pub input: MessageDescriptor,
    /// What it answers.
    pub output: MessageDescriptor,
    /// Whether it answers with a stream.
    pub is_streaming: bool,
}

/// All services that discovery knows, and their open methods.
#[derive(Debug)]
pub struct Methods {
    services: Vec<String>,
    open: BTreeMap<String, Method>,
}

/// The .proto files say what cannot be.
#[derive(Debug, thiserror::Error)]
pub enum BadContract {
    /// The descriptors cannot be read.
    #[error("descriptors: {0}")]
    Descriptors(#[from] DescriptorError),
    /// An open method whose service has no name in discovery.
    #[error("{0} is open, and nothing tells who serves it")]
    NotServed(String),
    /// An open method that takes a stream, which no browser can send.
    #[error("{0} is open, and takes a stream")]
    TakesStream(String),
}

impl Methods {
    /// Reads the contracts of the suite.
    ///
    /// # Errors
    /// They say what cannot be.
    pub fn read() -> Result<Methods, BadContract> {
        let pool = DescriptorPool::decode(muster_proto::DESCRIPTORS)?;
        let (mut services, mut open) = (Vec::new(), BTreeMap::new());
        for service in pool.services() {
            let served_by = served_by(&service);
            if served_by.is_some() {
                services.push(service.full_name().to_owned());
            }
            for method in service.methods().filter(is_open) {
                let method = Method::of(&method, served_by.clone())?;
                open.insert(method.path.to_string(), method);
            }
        }
        Ok(Methods { services, open })
    }

    /// The full names of all services, whether any of their methods is open or not.
    pub fn services(&self) -> &[String] {
        &self.services
    }

    /// The open method of this path.
    pub fn get(&self, path: &str) -> Option<&Method> {
        self.open.get(path)
    }

    /// All open methods, by their paths.
    pub fn open(&self) -> impl Iterator<Item = &Method> {
        self.open.values()
    }
}

impl Method {
    fn of(method: &MethodDescriptor, served_by: Option<String>) -> Result<Method, BadContract> {
        let (service, name) = (method.parent_service(), method.name());
        let full_name = || method.full_name().to_owned();
        if method.is_client_streaming() {
            return Err(BadContract::TakesStream(full_name()));
        }
        let not_served = || BadContract::NotServed(full_name());
        let path = format!("/{}/{name}", service.full_name());
        Ok(Method {
            path: path.parse().map_err(|_| not_served())?,
            served_by: served_by.ok_or_else(not_served)?,
            input: method.input(),
            output: method.output(),
            is_streaming: method.is_server_streaming(),
        })
    }
}

fn is_open(method: &MethodDescriptor) -> bool {
    let value = option(method.parent_pool(), &method.options(), OPEN);
    value.and_then(|value| value.as_bool()) == Some(true)
}

/// Who serves a service: as it says itself, or `<name>` of the package `muster.<name>.v1`.
fn served_by(service: &ServiceDescriptor) -> Option<String> {
    let said = option(service.parent_pool(), &service.options(), DISCOVERED_AS);
    if let Some(name) = said.as_ref().and_then(Value::as_str) {
        return Some(name.to_owned());
    }
    let package = service.package_name().strip_prefix("muster.")?;
    let (name, _version) = package.split_once('.')?;
    Some(name.to_owned())
}

fn option(pool: &DescriptorPool, options: &DynamicMessage, name: &str) -> Option<Value> {
    let extension = pool.get_extension_by_name(name)?;
    let is_set = options.has_extension(&extension);
    is_set.then(|| options.get_extension(&extension).into_owned())
}
