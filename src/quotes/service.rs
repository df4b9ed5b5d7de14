//! Issues quotes, and opens them for execution.

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use payoutd_actors::ports::{Clock, Unavailable};
use payoutd_domain::{Mode, Network, OrgId, QuoteId, Terms, Timestamp};

use super::pricing::{self, Price};
use super::recent_quotes::RecentQuotes;
use super::response::QuoteResponse;
use super::routes::Routes;
use super::signature::{SandboxRequest, Signer, SigningError};
use super::{Quote, QuoteRefusal, QuoteRequest, QuoteStore};
use crate::idempotency::RecordFor;

/// How many of the newest live quotes are cached.
const RECENT_QUOTES: usize = 16_384;

/// Why a request gets no quote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    #[error(transparent)]
    Refused(#[from] QuoteRefusal),
    /// The quote could not be stored. The request can be repeated.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why a quote cannot be executed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The id is malformed or forged, or the quote belongs to another account. The response does not tell which.
    #[error("there is no such quote")]
    NotFound,
    #[error("the quote has expired")]
    Expired,
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

pub struct QuoteService {
    signer: Signer,
    routes: Arc<Routes>,
    store: Arc<dyn QuoteStore>,
    clock: Arc<dyn Clock>,
    ttl_seconds: u32,
    recent: RecentQuotes,
}

impl fmt::Debug for QuoteService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuoteService").field("ttl_seconds", &self.ttl_seconds).finish_non_exhaustive()
    }
}

impl QuoteService {
    /// Creates a service whose quotes expire after `ttl_seconds`.
    #[must_use]
    pub fn new(
        signer: Signer,
        routes: Arc<Routes>,
        store: Arc<dyn QuoteStore>,
        clock: Arc<dyn Clock>,
        ttl_seconds: u32,
    ) -> Self {
        Self { signer, routes, store, clock, ttl_seconds, recent: RecentQuotes::new(RECENT_QUOTES) }
    }

    /// Prices a request and stores the quote. In test mode the same request has the same quote id, and the same quote until
    /// it expires.
    ///
    /// The idempotency record that `record_for` returns is stored with a live quote, in one commit. Sandbox quotes have no
    /// idempotency record: their timestamps are known only after the insert, and a repeated request gets the same quote.
    ///
    /// # Errors
    /// Returns `Refused` if the request cannot be quoted, `Unavailable` if the quote cannot be stored.
    pub async fn quote(
        &self,
        org: OrgId,
        mode: Mode,
        request: QuoteRequest,
        record_for: RecordFor<'_, QuoteResponse>,
    ) -> Result<QuoteResponse, QuoteError> {
        let price = pricing::price(&self.routes, &request)?;
        let now = self.clock.now();
        let quote_id = self.quote_id(org, mode, &request, &price, now).map_err(id_unavailable)?;
        let recommendation = price.recommendation.clone();
        let terms = Arc::new(terms(org, mode, quote_id, request, price));
        let quote = Quote { terms, created_at: now, expires_at: now.plus_seconds(self.ttl_seconds) };
        let record = match mode {
            Mode::Live => record_for(&QuoteResponse::new(&quote, recommendation.clone())),
            Mode::Test => None,
        };
        // An equal sandbox quote may exist already, with earlier timestamps.
        let stored = self.store.put(&quote, record.as_ref()).await?;
        if mode == Mode::Live {
            self.recent.insert(stored.clone(), now);
        }
        Ok(QuoteResponse::new(&stored, recommendation))
    }

    /// Returns the quote with this id for execution. Does not check whether it was executed before.
    ///
    /// # Errors
    /// Returns `NotFound` if the id is malformed or forged, or the quote belongs to another organisation or mode,
    /// `Expired` if it has expired, `Unavailable` if the store cannot be read.
    pub async fn open(&self, org: OrgId, mode: Mode, quote_id: &str) -> Result<Quote, OpenError> {
        let id = self.signer.parse_quote_id(quote_id, org, mode).map_err(|_| OpenError::NotFound)?;
        let quote = match self.recent.get(&id) {
            Some(quote) => quote,
            // The signature is valid, so the quote existed. It was purged some time after it expired.
            None => self.store.get(&id).await?.ok_or(OpenError::Expired)?,
        };
        if quote.terms.org != org || quote.terms.mode != mode {
            return Err(OpenError::NotFound);
        }
        if quote.expires_at <= self.clock.now() {
            return Err(OpenError::Expired);
        }
        Ok(quote)
    }

    #[must_use]
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    #[must_use]
    pub fn routes(&self) -> &Arc<Routes> {
        &self.routes
    }

    fn quote_id(
        &self,
        org: OrgId,
        mode: Mode,
        request: &QuoteRequest,
        price: &Price,
        now: Timestamp,
    ) -> Result<QuoteId, SigningError> {
        match mode {
            Mode::Live => self.signer.live_quote_id(org, now),
            Mode::Test => {
                let hint = request.network_hint.as_deref().map(Network::new);
                let request = SandboxRequest {
                    external_ref: &request.external_ref,
                    destination: price.destination.as_str(),
                    asset: &price.asset,
                    amount: &price.recipient_gets.to_string(),
                    network_hint: hint.as_ref().map(Network::as_str),
                };
                self.signer.sandbox_quote_id(org, &request)
            }
        }
    }
}

fn id_unavailable(error: SigningError) -> Unavailable {
    Unavailable(format!("could not create a quote id: {error}"))
}

fn terms(org: OrgId, mode: Mode, quote_id: QuoteId, request: QuoteRequest, price: Price) -> Terms {
    Terms {
        org,
        mode,
        quote_id,
        external_ref: request.external_ref.into(),
        destination: price.destination.as_str().into(),
        asset: price.asset,
        user_sends: price.user_sends,
        recipient_gets: price.recipient_gets,
        fee_total: price.fee_total,
        route: price.route,
    }
}
