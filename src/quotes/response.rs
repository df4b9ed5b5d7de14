//! The response to a quote request.

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
    /// The id to execute the quote with: `POST /payouts`.
    #[schemars(with = "contracts::QuoteId")]
    pub quote_id: QuoteId,
    /// The quote can be executed until this time.
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
    /// The route of the funds.
    pub route: QuotedRoute,
    /// A cheaper network for the same address; null if there is none or the request named a network.
    pub recommendation: Option<Recommendation>,
    /// What the sender's account lacks; null if nothing is missing or balances are unknown.
    // Always `None`: payoutd has no balances. The field is part of the interface for deployments that have them.
    pub insufficient_funds: Option<InsufficientFunds>,
}

/// The route of the funds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "OfferedRoute")]
pub struct QuotedRoute {
    /// The network that the funds leave from.
    #[schemars(with = "contracts::Network")]
    pub from_network: Network,
    /// The network that the funds arrive on.
    #[schemars(with = "contracts::Network")]
    pub to_network: Network,
    /// The estimated time from execution to delivery, in seconds.
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
    /// The network with the lowest fee for a top-up.
    #[schemars(with = "contracts::Network")]
    pub network_with_lowest_top_up_fee: Network,
}

impl QuoteResponse {
    #[must_use]
    pub fn new(quote: &Quote, recommendation: Option<Recommendation>) -> Self {
        let terms = &*quote.terms;
        Self {
            quote_id: terms.quote_id.clone(),
            expires_at: quote.expires_at,
            user_sends: terms.user_sends,
            recipient_gets: terms.recipient_gets,
            fee_total_usd: terms.fee_total,
            route: QuotedRoute {
                from_network: terms.route.from_network.clone(),
                to_network: terms.route.to_network.clone(),
                estimated_seconds: terms.route.estimated_seconds,
            },
            recommendation,
            insufficient_funds: None,
        }
    }
}
