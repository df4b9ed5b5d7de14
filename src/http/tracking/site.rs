//! The state that the tracking page's handlers share.

use std::sync::Arc;

use axum::http::HeaderValue;
use payoutd_actors::handle::PayoutsHandle;
use payoutd_domain::{PayoutId, Snapshot};

use super::config::TrackingConfig;
use super::reader::Reader;
use crate::runtime::keyed_permits::KeyedPermits;
use crate::runtime::shutdown::Shutdown;
use crate::tracking::{LookupError, PageRenderer, TokenLookup};

pub(super) struct Site {
    pub(super) payouts: PayoutsHandle,
    pub(super) token_lookup: TokenLookup,
    pub(super) pages: PageRenderer,
    /// Permits for event streams.
    pub(super) streams: Arc<KeyedPermits<PayoutId>>,
    pub(super) shutdown: Shutdown,
    pub(super) config: TrackingConfig,
    pub(super) content_security_policy: HeaderValue,
}

impl Site {
    /// The payout that a tracking token belongs to.
    pub(super) async fn find(&self, token: &str, reader: &Reader) -> Result<Arc<Snapshot>, LookupError> {
        let id = self.token_lookup.find(token, reader.peer).await?;
        self.read(id).await
    }

    pub(super) async fn read(&self, id: PayoutId) -> Result<Arc<Snapshot>, LookupError> {
        match self.payouts.read(id).await {
            Ok(found) => found.ok_or(LookupError::NotFound),
            Err(error) => {
                tracing::warn!(%error, "the payout of a tracking page could not be read");
                Err(LookupError::Unavailable)
            }
        }
    }
}
