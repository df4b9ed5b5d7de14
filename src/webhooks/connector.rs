//! Opens connections to endpoints. The address is chosen and checked here, immediately before it is used.

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

/// Resolves host names.
#[async_trait]
pub trait Resolve: Send + Sync + 'static {
    /// Returns the addresses of `name` in order of preference.
    ///
    /// # Errors
    /// Returns the resolver's error if the name has no address or cannot be resolved.
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The resolver of the operating system.
#[derive(Debug, Clone, Copy)]
pub struct SystemResolver;

#[async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|found| found.ip()).collect())
    }
}

/// The certificate authorities that are trusted.
pub enum TlsTrust {
    /// The authorities that the operating system trusts.
    System,
    /// For tests, and for networks with their own authority.
    Only(RootCertStore),
}

/// A connection with or without TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// The most addresses of a name that are tried.
const MAX_ADDRESSES: usize = 4;
/// The timeout for connecting to one address.
const ADDRESS_TIMEOUT: Duration = Duration::from_secs(4);

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
        // The provider is explicit, because the process may contain others.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { policy, resolver, tls: TlsConnector::from(Arc::new(config)) })
    }

    /// Opens a connection, with TLS if the target requires it. The caller sets the deadline.
    pub(super) async fn connect(&self, target: &Target) -> Result<Box<dyn Stream>, AttemptError> {
        let stream = self.connect_tcp(target).await?;
        // The request is small and written at once.
        let _ = stream.set_nodelay(true);
        if !target.is_tls() {
            return Ok(Box::new(stream));
        }
        let name = ServerName::try_from(target.host().to_owned()).map_err(|_| AttemptError::TlsFailed)?;
        match self.tls.connect(name, stream).await {
            Ok(tls_stream) => Ok(Box::new(tls_stream)),
            Err(_) => Err(AttemptError::TlsFailed),
        }
    }

    async fn connect_tcp(&self, target: &Target) -> Result<TcpStream, AttemptError> {
        let addresses = self.allowed_addresses(target).await?;
        for address in addresses.into_iter().take(MAX_ADDRESSES) {
            let connecting = TcpStream::connect(SocketAddr::new(address, target.port()));
            if let Ok(Ok(stream)) = tokio::time::timeout(ADDRESS_TIMEOUT, connecting).await {
                return Ok(stream);
            }
        }
        Err(AttemptError::ConnectionFailed)
    }

    /// The addresses that the policy allows. A name is resolved for each connection, and the checked addresses are the
    /// ones that are used. There is no second lookup, so DNS rebinding cannot bypass the check.
    async fn allowed_addresses(&self, target: &Target) -> Result<Vec<IpAddr>, AttemptError> {
        let mut addresses = match target.ip_address() {
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
        tracing::warn!(%error, "could not read some of the system's root certificates");
    }
    let (added, ignored) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        tracing::error!(ignored, "the system has no usable root certificate; webhooks over HTTPS will fail");
    }
    roots
}
