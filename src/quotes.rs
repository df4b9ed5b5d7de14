//! Quotes: priced, signed, kept until they are executed or expire.

pub mod desk;
pub mod destination;
mod offer;
pub mod pricing;
mod recent;
mod refusal;
mod request;
pub mod routes;
pub mod signature;

use std::sync::Arc;

use async_trait::async_trait;
use payoutd_actors::ports::{IdempotencyRecord, Unavailable};
use payoutd_domain::{QuoteId, Terms, Timestamp};

pub use desk::{OpenError, QuoteError, QuoteService};
pub use offer::{InsufficientFunds, OfferedRoute, QuoteResponse};
pub use refusal::QuoteRefusal;
pub use request::QuoteRequest;
pub(crate) use request::check_external_ref;
pub use routes::{Routes, RoutesConfig};
pub use signature::{Signer, SigningKey};

/// A quote as it is kept: the terms it locks in, and until when it may be executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// The locked terms, the quote's id among them.
    pub terms: Arc<Terms>,
    /// When it was given.
    pub created_at: Timestamp,
    /// From when on it is refused.
    pub expires_at: Timestamp,
}

/// Where quotes are kept.
#[async_trait]
pub trait QuoteStore: Send + Sync + 'static {
    /// Keeps a quote and returns the one that is kept. Ids of live quotes never meet. A sandbox quote of the same id
    /// stays as it is until it has expired (as of the new quote's `created_at`); then the new times take its place.
    /// Keeps `answer` with it, if any.
    ///
    /// # Errors
    /// Where the store cannot be asked, or an answer of that name is kept already; then nothing is written.
    async fn put(&self, quote: &Quote, answer: Option<&IdempotencyRecord>) -> Result<Quote, Unavailable>;

    /// The quote of this id.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn get(&self, id: &QuoteId) -> Result<Option<Quote>, Unavailable>;

    /// Forgets at most `limit` quotes that expired before `end`. Returns how many. Payouts hold terms of their own, and
    /// still know which quote they are from.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn forget_quotes(&self, end: Timestamp, limit: u32) -> Result<u64, Unavailable>;
}
