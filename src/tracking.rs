//! The public tracking page: what anyone who holds a payout's tracking URL may see of it, as HTML.
//!
//! Everything here renders or looks up; the routes are in `http`. There is one renderer: a page that
//! updates itself is sent the same HTML that a page without scripts loads again.

pub mod assets;
mod course;
pub mod finder;
mod language;
mod page;
mod payment;
mod shown;
mod words;

use async_trait::async_trait;
use payoutd_actors::ports::Unavailable;
use payoutd_domain::{PayoutId, TrackingToken};

pub use finder::{Finder, Lost};
pub use language::Language;
pub use page::Pages;

/// Knows which payout a tracking token belongs to.
#[async_trait]
pub trait Tracking: Send + Sync + 'static {
    /// The payout with this token, whoever's it is and however long ago it was created.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn payout_by_token(&self, token: TrackingToken) -> Result<Option<PayoutId>, Unavailable>;
}
