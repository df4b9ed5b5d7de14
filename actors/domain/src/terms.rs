//! The terms that a quote locked in. They never change after the creation of the payout.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Amount, Mode, OrgId, PayoutId, QuoteId, Timestamp, TrackingToken, Usd};

/// A chain, by its configured name in lowercase (`ethereum`, `tron`, …).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Network(Box<str>);

impl Network {
    /// The network called `name`. The case of letters does not matter.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.to_ascii_lowercase().into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The route of a payout. If the two networks differ, it leads over a bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The sending network.
    pub from_network: Network,
    /// The receiving network.
    pub to_network: Network,
    /// Seconds from creation to delivery, as quoted.
    pub estimated_seconds: u32,
    /// Seconds from the first transaction to delivery. It applies if a watcher reports no estimate.
    pub seconds_after_broadcast: u32,
}

/// The locked terms of a payout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The owner of the payout.
    pub org: OrgId,
    /// Whether real money moves.
    pub mode: Mode,
    /// The quote that this payout executes. No other payout executes it.
    pub quote_id: QuoteId,
    /// The partner's own reference, 1 to 255 characters.
    pub external_ref: Box<str>,
    /// The recipient's address on `route.to_network`.
    pub destination: Box<str>,
    /// The asset's symbol in capitals (`USDT`).
    pub asset: Box<str>,
    /// The amount that the user sends, in the asset.
    pub user_sends: Amount,
    /// The amount that the recipient is promised, in the asset.
    pub recipient_gets: Amount,
    /// The sum of all fees, as quoted.
    pub fee_total: Usd,
    /// The route of the funds.
    pub route: Route,
}

/// A payout as created: the data that never change. They are stored in its row; the journal contains what follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPayout {
    /// The id of the payout.
    pub id: PayoutId,
    /// The token of its tracking page.
    pub tracking_token: TrackingToken,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The terms that the quote locked in.
    pub terms: Arc<Terms>,
}
