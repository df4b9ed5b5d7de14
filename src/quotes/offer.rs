//! What a quote request is answered with.

use payoutd_domain::{Amount, Network, QuoteId, Timestamp, Usd};
use schemars::JsonSchema;
use serde::Serialize;

use super::Quote;
use super::pricing::Recommendation;
use crate::contracts;

/// The body of a quote response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Quote")]
pub struct QuoteResponse {
    /// Names the quote when it is executed: `POST /payouts`.
    #[schemars(with = "contracts::QuoteId")]
    pub quote_id: QuoteId,
    /// From when on it is refused, unless it was executed before.
    #[schemars(with = "contracts::Time")]
    pub expires_at: Timestamp,
    /// What the user sends, in the asset.
    #[schemars(with = "contracts::Amount")]
    pub user_sends: Amount,
    /// What the recipient gets, in the asset.
    #[schemars(with = "contracts::Amount")]
    pub recipient_gets: Amount,
    /// All fees.
    #[schemars(with = "contracts::Usd")]
    pub fee_total_usd: Usd,
    /// The way the funds take.
    pub route: OfferedRoute,
    /// A cheaper network for the same address, where the request named none.
    pub recommendation: Option<Recommendation>,
    /// What the sender's account lacks, where balances are known; else null.
    // Always `None`: payoutd knows no balances. The field is part of the interface for a deployment that does.
    pub insufficient_funds: Option<InsufficientFunds>,
}

/// The way the funds take, as partners see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "OfferedRoute")]
pub struct OfferedRoute {
    /// Where they leave.
    #[schemars(with = "contracts::Network")]
    pub from_network: Network,
    /// Where they arrive.
    #[schemars(with = "contracts::Network")]
    pub to_network: Network,
    /// How long the whole way takes, in seconds.
    pub estimated_seconds: u32,
}

/// What the sender's account lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct InsufficientFunds {
    /// How much is missing, in the asset.
    #[schemars(with = "contracts::Amount")]
    pub needed: Amount,
    /// The asset's symbol.
    #[schemars(with = "String", example = &"USDT")]
    pub asset: Box<str>,
    /// Where topping up is cheapest.
    #[schemars(with = "contracts::Network")]
    pub network_with_lowest_top_up_fee: Network,
}

impl QuoteResponse {
    /// The offer of a kept quote.
    #[must_use]
    pub fn new(quote: &Quote, recommendation: Option<Recommendation>) -> Self {
        let terms = &*quote.terms;
        Self {
            quote_id: terms.quote_id.clone(),
            expires_at: quote.expires_at,
            user_sends: terms.user_sends,
            recipient_gets: terms.recipient_gets,
            fee_total_usd: terms.fee_total,
            route: OfferedRoute {
                from_network: terms.route.from_network.clone(),
                to_network: terms.route.to_network.clone(),
                estimated_seconds: terms.route.estimated_seconds,
            },
            recommendation,
            insufficient_funds: None,
        }
    }
}
