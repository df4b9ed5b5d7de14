//! What the edge needs from the rest of the house, besides the payouts themselves.

use async_trait::async_trait;
use bytes::Bytes;
use payoutd_actors::payout::{Mode, OrgId, PayoutId, QuoteId, TrackingToken};
use payoutd_actors::ports::Unavailable;

use crate::quotes::{OfferError, OpenError, Quote, QuoteDesk, QuoteRequest};

/// Gives quotes, and opens them again to be executed.
#[async_trait]
pub trait Quoting: Send + Sync + 'static {
    /// Prices a payout, keeps the quote, and renders the offer as JSON, as it goes out.
    ///
    /// # Errors
    /// Where there is no quote.
    async fn quote(&self, org: OrgId, mode: Mode, request: QuoteRequest) -> Result<Bytes, OfferError>;

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
pub trait CreatedFrom: Send + Sync + 'static {
    /// The payout that executes this quote, whoever's it is and however long ago it was created.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn payout_of_quote(&self, quote_id: &QuoteId) -> Result<Option<PayoutId>, Unavailable>;
}

#[async_trait]
impl Quoting for QuoteDesk {
    async fn quote(&self, org: OrgId, mode: Mode, request: QuoteRequest) -> Result<Bytes, OfferError> {
        let offer = Self::quote(self, org, mode, request).await?;
        let body = serde_json::to_vec(&offer).map_err(|error| Unavailable(error.to_string()))?;
        Ok(body.into())
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
