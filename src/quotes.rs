//! Quotes: priced and signed terms of a payout, stored until they expire.

pub mod destination;
mod ports;
pub mod pricing;
mod recent_quotes;
mod refusal;
mod request;
mod response;
pub mod routes;
pub mod service;
pub mod signature;
#[cfg(test)]
mod testing;

use std::sync::Arc;

use async_trait::async_trait;
use payoutd_actors::ports::{IdempotencyRecord, Unavailable};
use payoutd_domain::{QuoteId, Terms, Timestamp};

pub use ports::{QuoteUsage, Quotes};
pub use refusal::QuoteRefusal;
pub use request::QuoteRequest;
pub(crate) use request::check_external_ref;
pub use response::{InsufficientFunds, QuoteResponse, QuotedRoute};
pub use routes::Routes;
pub use service::{OpenError, QuoteError, QuoteService};
pub use signature::{Signer, SigningKey};

/// A stored quote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// The terms of the payout, including the quote's id.
    pub terms: Arc<Terms>,
    pub created_at: Timestamp,
    /// The first moment at which the quote can no longer be executed.
    pub expires_at: Timestamp,
}

/// Stores quotes.
#[async_trait]
pub trait QuoteStore: Send + Sync + 'static {
    /// Inserts a quote and returns the stored one. Ids of live quotes are unique. If a sandbox quote with the same id
    /// exists, it stays until it has expired at the new quote's `created_at`; then the new timestamps replace the old ones.
    /// `record` is stored in the same commit.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be written, or if a record with the same key exists; then nothing is
    /// written.
    async fn put(&self, quote: &Quote, record: Option<&IdempotencyRecord>) -> Result<Quote, Unavailable>;

    /// # Errors
    /// Returns `Unavailable` if the store cannot be read.
    async fn get(&self, id: &QuoteId) -> Result<Option<Quote>, Unavailable>;

    /// Deletes at most `limit` quotes that expired before `cutoff`. Returns the number of deleted quotes. Payouts keep their
    /// own copy of the terms.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be written.
    async fn purge_quotes(&self, cutoff: Timestamp, limit: u32) -> Result<u64, Unavailable>;
}
