//! The quote operations that the partner API calls.

use async_trait::async_trait;
use payoutd_actors::ports::Unavailable;
use payoutd_domain::{Mode, OrgId, PayoutId, QuoteId, TrackingToken};

use super::{OpenError, Quote, QuoteError, QuoteRequest, QuoteResponse, QuoteService};
use crate::idempotency::RecordFor;

/// Issues quotes and opens them for execution.
#[async_trait]
pub trait Quotes: Send + Sync + 'static {
    /// Prices a payout, stores the quote and returns the JSON body of the response. `record_for` maps that body to the
    /// idempotency record which is stored in the same commit, if any.
    ///
    /// # Errors
    /// Returns `Refused` if the request cannot be quoted, `Unavailable` if the quote cannot be stored.
    async fn quote(
        &self,
        org: OrgId,
        mode: Mode,
        request: QuoteRequest,
        record_for: RecordFor<'_, str>,
    ) -> Result<String, QuoteError>;

    /// Returns the quote with this id for execution.
    ///
    /// # Errors
    /// Returns `NotFound` if the id is malformed or forged, or the quote belongs to another organisation or mode;
    /// `Expired` if it has expired; `Unavailable` if the store cannot be read.
    async fn open(&self, org: OrgId, mode: Mode, quote_id: &str) -> Result<Quote, OpenError>;

    /// The payout id that a sandbox quote always becomes.
    fn sandbox_payout_id(&self, org: OrgId, quote_id: &QuoteId) -> PayoutId;

    /// The tracking token of a sandbox payout.
    fn sandbox_tracking_token(&self, id: PayoutId) -> TrackingToken;
}

/// Looks up which payout a quote was used for.
#[async_trait]
pub trait QuoteUsage: Send + Sync + 'static {
    /// The payout that executed this quote, regardless of its organisation and age.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be read.
    async fn payout_of_quote(&self, quote_id: &QuoteId) -> Result<Option<PayoutId>, Unavailable>;
}

#[async_trait]
impl Quotes for QuoteService {
    async fn quote(
        &self,
        org: OrgId,
        mode: Mode,
        request: QuoteRequest,
        record_for: RecordFor<'_, str>,
    ) -> Result<String, QuoteError> {
        let to_json = |quote: &QuoteResponse| serde_json::to_string(quote);
        let record_for_quote = |quote: &QuoteResponse| record_for(&to_json(quote).ok()?);
        let quote = Self::quote(self, org, mode, request, &record_for_quote).await?;
        Ok(to_json(&quote).map_err(|error| Unavailable(error.to_string()))?)
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
