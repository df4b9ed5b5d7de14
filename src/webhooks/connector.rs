//! Opening connections: the one place where an address is chosen, and the last look at it before it is used.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{AttemptError, Policy, Target, is_public};

/// Finds the addresses of names.
#[async_trait]
pub trait Resolve: Send + Sync + 'static {
    /// The addresses of `name`, best first.
    ///
    /// # Errors
    /// Where the name has none, or nobody can say.
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// Asks the system.
#[derive(Debug, Clone, Copy)]
pub struct SystemResolver;

#[async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|found| found.ip()).collect())
    }
}

/// Whose certificates are believed.
pub enum TlsTrust {
    /// Those that the system trusts.
    System,
    /// These. For tests, and for networks with an authority of their own.
    Only(RootCertStore),
}

/// A connection, with TLS or without.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// The most addresses of one name that are tried.
const MAX_ADDRESSES: usize = 4;
/// How long one address may take to answer while there are others.
const ADDRESS_TIMEOUT: Duration = Duration::from_secs(4);

/// Connects to targets.
pub(super) struct Connector {
    policy: Policy,
    resolver: Arc<dyn Resolve>,
    tls: TlsConnector,
}

impl Connector {
    pub(super) fn new(
        policy: Policy,
        resolver: Arc<dyn Resolve>,
        trust: TlsTrust,
    ) -> Result<Self, rustls::Error> {
        let roots = match trust {
            TlsTrust::System => system_roots(),
            TlsTrust::Only(roots) => roots,
        };
        // The provider is named, so that it does not matter which others the program holds.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { policy, resolver, tls: TlsConnector::from(Arc::new(config)) })
    }

    /// Opens a connection, secured where the target says so. Has no deadline of its own.
    pub(super) async fn connect(&self, target: &Target) -> Result<Box<dyn Stream>, AttemptError> {
        let stream = self.tcp(target).await?;
        // A small request in one packet; there is nothing to gather.
        let _ = stream.set_nodelay(true);
        if !target.is_tls() {
            return Ok(Box::new(stream));
        }
        let name = ServerName::try_from(target.host().to_owned()).map_err(|_| AttemptError::TlsFailed)?;
        match self.tls.connect(name, stream).await {
            Ok(secured) => Ok(Box::new(secured)),
            Err(_) => Err(AttemptError::TlsFailed),
        }
    }

    async fn tcp(&self, target: &Target) -> Result<TcpStream, AttemptError> {
        let addresses = self.addresses(target).await?;
        for address in addresses.into_iter().take(MAX_ADDRESSES) {
            let connecting = TcpStream::connect(SocketAddr::new(address, target.port()));
            if let Ok(Ok(stream)) = tokio::time::timeout(ADDRESS_TIMEOUT, connecting).await {
                return Ok(stream);
            }
        }
        Err(AttemptError::ConnectionFailed)
    }

    /// The addresses that may be connected to. Names are resolved for each connection anew, and what is checked here is
    /// the very address that is then used: there is no second look-up that could answer otherwise.
    async fn addresses(&self, target: &Target) -> Result<Vec<IpAddr>, AttemptError> {
        let mut addresses = match target.literal() {
            Some(address) => vec![address],
            None => {
                let resolved = self.resolver.resolve(target.host()).await;
                resolved.map_err(|_| AttemptError::NameNotFound)?
            }
        };
        if addresses.is_empty() {
            return Err(AttemptError::NameNotFound);
        }
        addresses.retain(|address| self.policy.allow_private_addresses || is_public(*address));
        if addresses.is_empty() { Err(AttemptError::AddressRefused) } else { Ok(addresses) }
    }
}

fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "some of the system's certificates cannot be read");
    }
    let (added, ignored) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        tracing::error!(ignored, "the system trusts no certificate: webhooks over https will fail");
    }
    roots
}
