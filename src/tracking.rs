//! The public tracking page: an HTML view of one payout for everyone who has its tracking URL.
//!
//! This module looks tokens up and renders pages; the routes are in `http`. A page that updates itself receives the same
//! HTML as a page without scripts that reloads.

pub mod assets;
mod format;
mod language;
mod page;
mod payment;
mod progress;
pub mod token_lookup;
mod translations;

use async_trait::async_trait;
use payoutd_actors::ports::Unavailable;
use payoutd_domain::{PayoutId, TrackingToken};

pub use language::Language;
pub use page::PageRenderer;
pub use token_lookup::{LookupError, TokenLookup};

/// Maps tracking tokens to payouts.
#[async_trait]
pub trait TokenIndex: Send + Sync + 'static {
    /// The payout with this token, regardless of its account and age.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be read.
    async fn payout_by_token(&self, token: TrackingToken) -> Result<Option<PayoutId>, Unavailable>;
}
