//! A WebSocket within TLS.

use std::fs;
use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::SOON;
use crate::pki::Identity;

/// The client's side of a WebSocket.
pub(crate) struct WebSocket(WebSocketStream<TlsStream<TcpStream>>);

impl WebSocket {
    /// Connects as a browser does, which offers no HTTP/2 for this.
    pub(crate) async fn connect(addr: &str, shown: &Identity, ca: &str) -> WebSocket {
        let mut config = config(shown, ca);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let socket = TcpStream::connect(addr).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        let stream = connector.connect(name, socket).await.unwrap();
        let url = format!("wss://{addr}/ws");
        let (socket, _) = client_async(url, stream).await.unwrap();
        WebSocket(socket)
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// The next frame of text.
    pub(crate) async fn next(&mut self) -> Value {
        loop {
            let next = timeout(SOON, self.0.next()).await.unwrap();
            if let Message::Text(text) = next.unwrap().unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    /// Closes it, and reads to the end, which is not to look like a cut.
    pub(crate) async fn close(mut self) {
        self.0.close(None).await.unwrap();
        while let Some(message) = timeout(SOON, self.0.next()).await.unwrap() {
            message.unwrap();
        }
    }
}

fn config(shown: &Identity, ca: &str) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(ca).unwrap())
        .unwrap();
    let chain = vec![CertificateDer::from_pem_file(&shown.cert).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(&fs::read(&shown.key).unwrap()).unwrap();
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .unwrap()
}
