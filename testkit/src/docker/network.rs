//! Networks of containers.

use std::net::Ipv4Addr;

use super::client::Client;
use super::engine;

/// A network that nothing leads out of: its containers reach each other, and this machine at its gateway. Removed when
/// dropped, which has to come after its containers.
#[derive(Debug)]
pub struct ContainerNetwork {
    client: Client,
    name: String,
    gateway: Ipv4Addr,
}

impl ContainerNetwork {
    pub(super) async fn of(client: &Client) -> Result<ContainerNetwork, String> {
        let label = format!("--label={}", engine::label());
        let name = engine::fresh_name();
        let made = client.run(&["network", "create", "--internal", &label, &name]);
        let made = made.await;
        if !made.status.success() {
            return Err(format!("no network for containers: {}", made.stderr.trim()));
        }
        let asked = "{{(index .IPAM.Config 0).Gateway}}";
        let inspected = client.run(&["network", "inspect", "--format", asked, &name]);
        let gateway = inspected.await.stdout;
        let parsed = gateway.trim().parse();
        Ok(ContainerNetwork {
            client: client.clone(),
            name,
            gateway: parsed.map_err(|_| format!("a network without a gateway: {gateway:?}"))?,
        })
    }

    /// The address of this machine on it.
    pub fn gateway(&self) -> Ipv4Addr {
        self.gateway
    }

    /// Its name, which nothing else has.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for ContainerNetwork {
    fn drop(&mut self) {
        self.client.call(&["network", "rm", &self.name]);
    }
}
