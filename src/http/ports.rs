//! What the edge needs from the rest of the house, besides the payouts themselves.

use async_trait::async_trait;
use payoutd_actors::ports::Unavailable;
use payoutd_domain::{Mode, OrgId, PayoutId, QuoteId, TrackingToken};

use crate::idempotency::RecordFor;
use crate::quotes::{OpenError, Quote, QuoteError, QuoteRequest, QuoteResponse, QuoteService};

/// Gives quotes, and opens them again to be executed.
#[async_trait]
pub trait Quotes: Send + Sync + 'static {
    /// Prices a payout, keeps the quote, and renders the offer as JSON, as it goes out. Where `answer` is asked for the
    /// answer that says so, it is kept with the quote.
    ///
    /// # Errors
    /// Where there is no quote.
    async fn quote(
        &self,
        org: OrgId,
        mode: Mode,
        request: QuoteRequest,
        answer: RecordFor<'_, str>,
    ) -> Result<String, QuoteError>;

    /// The quote of that id, where it is genuine, the organisation's own, of that mode, and still good.
    ///
    /// # Errors
    /// Where it cannot be executed.
    async fn open(&self, org: OrgId, mode: Mode, quote_id: &str) -> Result<Quote, OpenError>;

    /// The id of the one payout a sandbox quote can become.
    fn sandbox_payout_id(&self, org: OrgId, quote_id: &QuoteId) -> PayoutId;

    /// The tracking token of a sandbox payout.
    fn sandbox_tracking_token(&self, id: PayoutId) -> TrackingToken;
}

/// Knows which payout came of a quote.
#[async_trait]
pub trait QuoteUsage: Send + Sync + 'static {
    /// The payout that executes this quote, whoever's it is and however long ago it was created.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn payout_of_quote(&self, quote_id: &QuoteId) -> Result<Option<PayoutId>, Unavailable>;
}

#[async_trait]
impl Quotes for QuoteService {
    async fn quote(
        &self,
        org: OrgId,
        mode: Mode,
        request: QuoteRequest,
        answer: RecordFor<'_, str>,
    ) -> Result<String, QuoteError> {
        let written = |offer: &QuoteResponse| serde_json::to_string(offer);
        let answered = |offer: &QuoteResponse| answer(&written(offer).ok()?);
        let offer = Self::quote(self, org, mode, request, &answered).await?;
        Ok(written(&offer).map_err(|error| Unavailable(error.to_string()))?)
    }

    async fn open(&self, org: OrgId, mode: Mode, quote_id: &str) -> Result<Quote, OpenError> {
        Self::open(self, org, mode, quote_id).await
    }

    fn sandbox_payout_id(&self, org: OrgId, quote_id: &QuoteId) -> PayoutId {
        self.signer().sandbox_payout_id(org, quote_id)
    }

    fn sandbox_tracking_token(&self, id: PayoutId) -> TrackingToken {
        self.signer().sandbox_tracking_token(id)
    }
}
