//! The quote desk: prices, signs and keeps quotes, and opens them again for whoever they were given to.

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use payoutd_actors::ports::{Clock, IdempotencyRecord, Unavailable};
use payoutd_domain::{Mode, Network, OrgId, QuoteId, Terms, Timestamp};

use super::offer::QuoteResponse;
use super::pricing::{self, Price};
use super::recent::RecentQuotes;
use super::routes::Routes;
use super::signature::{SandboxRequest, Signer, SigningError};
use super::{Quote, QuoteRefusal, QuoteRequest, QuoteStore};
use crate::idempotency::RecordFor;

/// How many of the newest live quotes are held in memory.
const RECENT_QUOTES: usize = 16_384;

/// Why there is no offer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// The request cannot be quoted.
    #[error(transparent)]
    Refused(#[from] QuoteRefusal),
    /// The quote could not be kept; the same request may be made again.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why a quote cannot be executed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Malformed, forged, another organisation's or the other mode's: nobody learns which.
    #[error("there is no such quote")]
    NotFound,
    /// Its time is over.
    #[error("the quote has expired")]
    Expired,
    /// The store cannot be asked.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Gives quotes and opens them.
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
        f.debug_struct("QuoteDesk").field("ttl_seconds", &self.ttl_seconds).finish_non_exhaustive()
    }
}

impl QuoteService {
    /// A desk whose quotes live `ttl_seconds`.
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

    /// Quotes a request. In the sandbox the same request has the same quote, and within its life the same offer.
    ///
    /// With a live quote the answer to its request is kept in one commit. A sandbox quote is asked for no answer: which
    /// times it has is known only once it is kept, and asking again gives the same one.
    ///
    /// # Errors
    /// Where the request cannot be quoted, or the quote not be kept.
    pub async fn quote(
        &self,
        org: OrgId,
        mode: Mode,
        request: QuoteRequest,
        answer: RecordFor<'_, QuoteResponse>,
    ) -> Result<QuoteResponse, QuoteError> {
        let price = pricing::price(&self.routes, &request)?;
        let now = self.clock.now();
        let quote_id = self.quote_id(org, mode, &request, &price, now).map_err(no_id)?;
        let recommendation = price.recommendation.clone();
        let terms = Arc::new(terms(org, mode, quote_id, request, price));
        let quote = Quote { terms, created_at: now, expires_at: now.plus_seconds(self.ttl_seconds) };
        let answer = match mode {
            Mode::Live => answer(&QuoteResponse::new(&quote, recommendation.clone())),
            Mode::Test => None,
        };
        // What is kept is what counts: a sandbox quote may be there already, with its own times.
        let kept = self.keep(quote, answer).await?;
        if mode == Mode::Live {
            self.recent.insert(kept.clone(), now);
        }
        Ok(QuoteResponse::new(&kept, recommendation))
    }

    /// The quote of that id, where it was given to this organisation in this mode and has not expired. Whether it
    /// was executed already is not known here.
    ///
    /// # Errors
    /// Where it cannot be executed, or the store cannot be asked.
    pub async fn open(&self, org: OrgId, mode: Mode, quote_id: &str) -> Result<Quote, OpenError> {
        let id = self.signer.recognise(quote_id, org, mode).map_err(|_| OpenError::NotFound)?;
        let quote = match self.recent.get(&id) {
            Some(quote) => quote,
            // It is ours, so it was given once: long ago, as it is forgotten.
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

    /// The key's other uses: sandbox payout ids and tracking tokens, and recognising quote ids.
    #[must_use]
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// The table quotes are priced by.
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

    /// Keeps a quote in a task of its own: a client that hangs up must not leave the write half done.
    async fn keep(&self, quote: Quote, answer: Option<IdempotencyRecord>) -> Result<Quote, Unavailable> {
        let store = Arc::clone(&self.store);
        let kept = tokio::spawn(async move { store.put(&quote, answer.as_ref()).await }).await;
        kept.map_err(|error| Unavailable(format!("keeping the quote failed: {error}")))?
    }
}

fn no_id(error: SigningError) -> Unavailable {
    Unavailable(format!("no quote id: {error}"))
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
