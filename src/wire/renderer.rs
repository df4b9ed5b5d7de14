//! Renders payouts as JSON.

use payoutd_domain::{Snapshot, TrackingToken};

use super::payout::PayoutBody;

/// Renders payouts. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Renderer {
    tracking_base: String,
}

impl Renderer {
    /// Creates a renderer. `public_url` is the base of the tracking pages' URLs.
    #[must_use]
    pub fn new(public_url: &str) -> Self {
        Self { tracking_base: format!("{}/track/", public_url.trim_end_matches('/')) }
    }

    /// The URL of a payout's tracking page.
    #[must_use]
    pub fn tracking_url(&self, token: TrackingToken) -> String {
        format!("{}{token}", self.tracking_base)
    }

    /// Renders the payout object of the partner API.
    #[must_use]
    pub fn payout<'a>(&self, snapshot: &'a Snapshot) -> PayoutBody<'a> {
        PayoutBody::new(snapshot, self.tracking_url(snapshot.payout.tracking_token))
    }
}
