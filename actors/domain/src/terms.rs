//! What a quote locked in: the terms of a payout never change after it was created.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Amount, Mode, OrgId, PayoutId, QuoteId, Timestamp, TrackingToken, Usd};

/// A chain, by its configured name in lowercase (`ethereum`, `tron`, …).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Network(Box<str>);

impl Network {
    /// The network of that name. Names are compared in lowercase.
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

/// The way a payout takes. It is a bridge where the two networks differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Where the funds leave.
    pub from_network: Network,
    /// Where they arrive.
    pub to_network: Network,
    /// How long the whole way takes, in seconds, as quoted.
    pub estimated_seconds: u32,
    /// How long it takes once a transaction is out, in seconds: our own estimate where a watcher gives none.
    pub seconds_after_broadcast: u32,
}

/// The locked terms of a payout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Whose payout it is.
    pub org: OrgId,
    /// Whether real money moves.
    pub mode: Mode,
    /// The quote this payout executes; no other payout does.
    pub quote_id: QuoteId,
    /// The partner's own reference, 1 to 255 characters.
    pub external_ref: Box<str>,
    /// The recipient's address on `route.to_network`.
    pub destination: Box<str>,
    /// The asset's symbol in capitals (`USDT`).
    pub asset: Box<str>,
    /// What the user sends, in the asset.
    pub user_sends: Amount,
    /// What the recipient was promised, in the asset.
    pub recipient_gets: Amount,
    /// All fees as quoted.
    pub fee_total: Usd,
    /// The way the funds take.
    pub route: Route,
}

/// A payout at the moment of its creation: all that will never change. Its row is the record of it; the
/// journal continues from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPayout {
    /// Its id.
    pub id: PayoutId,
    /// The token of its tracking page.
    pub tracking_token: TrackingToken,
    /// When it was created.
    pub created_at: Timestamp,
    /// What the quote locked in.
    pub terms: Arc<Terms>,
}
