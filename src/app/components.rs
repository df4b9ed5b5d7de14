//! The components that exist before anything runs.

use std::net::SocketAddr;
use std::sync::Arc;

use payoutd_actors::ports::Clock;
use tokio::net::TcpListener;

use super::error::AppError;
use super::lease::LeaseStatus;
use super::open_files::raise_open_files_limit;
use super::settings::{database_url, store_config};
use super::system_clock::SystemClock;
use crate::config::Config;
use crate::store::{self, Store};
use crate::wire::Renderer;

pub(super) struct Components {
    pub(super) config: Config,
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) renderer: Renderer,
    pub(super) lease_status: Arc<LeaseStatus>,
}

impl Components {
    /// Binds the listener of the partner API and opens the store. Serves nothing yet.
    pub(super) async fn open(config: Config, database_url: &str) -> Result<(Self, TcpListener), AppError> {
        raise_open_files_limit(config.http.max_connections);
        let listener = bind("http.listen", config.http.listen).await?;
        let public_url = match config.http.public_url.as_str() {
            // The port that the operating system assigned, if `http.listen` has port 0.
            "" => format!("http://{}", listener.local_addr()?),
            url => url.to_owned(),
        };
        let renderer = Renderer::new(&public_url);
        let store =
            store::open(database_url, &store_config(&config.database), Arc::new(renderer.clone())).await?;
        let (clock, lease_status) = (Arc::new(SystemClock), Arc::default());
        Ok((Self { config, store, clock, renderer, lease_status }, listener))
    }
}

/// Opens the configured store.
///
/// # Errors
/// Returns an error if no store is configured or it cannot be opened.
pub(super) async fn open_store(config: &Config) -> Result<Arc<dyn Store>, AppError> {
    let renderer = Renderer::new(&config.public_url());
    Ok(store::open(database_url(config)?, &store_config(&config.database), Arc::new(renderer)).await?)
}

/// Binds the listener that `key` configures.
pub(super) async fn bind(key: &'static str, address: SocketAddr) -> Result<TcpListener, AppError> {
    TcpListener::bind(address).await.map_err(|source| AppError::Listen { key, address, source })
}
