//! What the edge needs from the rest of the house, besides the payouts themselves.

use async_trait::async_trait;
use bytes::Bytes;
use payoutd_actors::payout::{Mode, OrgId, PayoutId, QuoteId, TrackingToken};
use payoutd_actors::ports::Unavailable;
use serde::Deserialize;

use crate::quotes::Quote;

/// What `POST /payouts/quote` takes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuoteRequest {
    /// The partner's own reference.
    pub external_ref: String,
    /// The recipient's address.
    pub destination: String,
    /// The asset's symbol, in any case.
    pub asset: String,
    /// What the recipient is to get, in the asset, as a decimal string.
    pub amount: String,
    /// The network the address is on, where the partner knows.
    #[serde(default)]
    pub network_hint: Option<String>,
}

/// What `POST /payouts/quote` answers: JSON, as it goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer(pub Bytes);

/// Why there is no quote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// A field is not what it must be.
    #[error("{field}: {detail}")]
    Validation {
        /// The field.
        field: &'static str,
        /// What it must be.
        detail: String,
    },
    /// The destination is no address we know.
    #[error("{detail}")]
    InvalidDestination {
        /// What is wrong with it.
        detail: String,
    },
    /// The asset is not carried.
    #[error("{detail}")]
    UnsupportedAsset {
        /// Which are.
        detail: String,
    },
    /// No route leads to the destination.
    #[error("{detail}")]
    UnsupportedRoute {
        /// The field at fault.
        field: &'static str,
        /// Why.
        detail: String,
    },
    /// Too little or too much.
    #[error("{detail}")]
    AmountOutOfRange {
        /// The range.
        detail: String,
    },
    /// The store cannot be asked.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why a quote cannot be executed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Not a quote of this organisation and mode.
    #[error("no such quote")]
    NotFound,
    /// Its time is over.
    #[error("the quote has expired")]
    Expired,
    /// The store cannot be asked.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Gives quotes, and opens them again to be executed.
#[async_trait]
pub trait Quoting: Send + Sync + 'static {
    /// Prices a payout, keeps the quote, and renders the offer.
    ///
    /// # Errors
    /// Where there is no quote.
    async fn quote(&self, org: OrgId, mode: Mode, request: QuoteRequest) -> Result<Offer, QuoteError>;

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
