//! The payout object of the partner API.

use payoutd_domain::{
    Amount, Failure, Funds, Network, PayoutId, QuoteId, Sequence, Snapshot, Status, Terms, TimelineEntry,
    Timestamp, Usd,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::contracts;

/// The terms of the executed quote. They never change.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PayoutTerms")]
pub(super) struct QuoteBody<'a> {
    /// The quote that was executed.
    #[schemars(with = "contracts::QuoteId")]
    quote_id: &'a QuoteId,
    /// The amount that the sender pays, in units of the asset.
    #[schemars(with = "contracts::Amount")]
    user_sends: Amount,
    /// The amount that the recipient is to get, in units of the asset.
    #[schemars(with = "contracts::Amount")]
    recipient_gets: Amount,
    /// The sum of all quoted fees.
    #[schemars(with = "contracts::Usd")]
    fee_total_usd: Usd,
    /// The route of the funds.
    route: RouteBody<'a>,
}

/// The route of the funds. A bridge, if the two networks differ.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Route")]
pub(super) struct RouteBody<'a> {
    /// The network that the funds are sent from.
    #[schemars(with = "contracts::Network")]
    from_network: &'a Network,
    /// The network on which the recipient gets the funds.
    #[schemars(with = "contracts::Network")]
    to_network: &'a Network,
    /// The usual duration of the transfer, in seconds.
    #[schemars(example = 75)]
    estimated_seconds: u32,
}

impl<'a> From<&'a Terms> for RouteBody<'a> {
    fn from(terms: &'a Terms) -> Self {
        Self {
            from_network: &terms.route.from_network,
            to_network: &terms.route.to_network,
            estimated_seconds: terms.route.estimated_seconds,
        }
    }
}

impl<'a> From<&'a Terms> for QuoteBody<'a> {
    fn from(terms: &'a Terms) -> Self {
        Self {
            quote_id: &terms.quote_id,
            user_sends: terms.user_sends,
            recipient_gets: terms.recipient_gets,
            fee_total_usd: terms.fee_total,
            route: terms.into(),
        }
    }
}

/// The response of `POST /payouts`: the payout at its creation. A repeated call has the same response, byte for byte,
/// even if the payout has changed.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CreatedPayout")]
pub struct CreatedBody<'a> {
    #[schemars(with = "contracts::PayoutId")]
    id: PayoutId,
    /// Always `pending`.
    #[schemars(with = "contracts::Status", extend("const" = "pending"))]
    status: Status,
    quote: QuoteBody<'a>,
    /// The estimated time of delivery.
    #[schemars(with = "contracts::Time")]
    estimated_delivery_at: Timestamp,
    /// A page for your user, without login. Everyone who has the link can see the payout.
    #[schemars(url)]
    tracking_url: String,
    /// The time of creation.
    #[schemars(with = "contracts::Time")]
    created_at: Timestamp,
    /// Always 1.
    #[schemars(with = "contracts::Sequence", extend("const" = 1))]
    sequence: Sequence,
}

impl<'a> CreatedBody<'a> {
    /// Creates the body for the payout of `snapshot`.
    #[must_use]
    pub fn new(snapshot: &'a Snapshot, tracking_url: String) -> Self {
        let payout = &snapshot.payout;
        Self {
            id: payout.id,
            status: Status::Pending,
            quote: QuoteBody::from(&*payout.terms),
            estimated_delivery_at: payout.created_at.plus_seconds(payout.terms.route.estimated_seconds),
            tracking_url,
            created_at: payout.created_at,
            sequence: Sequence::FIRST,
        }
    }
}

/// The current state of a payout.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Payout")]
pub struct PayoutBody<'a> {
    #[schemars(with = "contracts::PayoutId")]
    id: PayoutId,
    #[schemars(with = "contracts::Status")]
    status: Status,
    /// Your reference, from the quote request.
    #[schemars(length(min = 1, max = 255), example = &"order-1001")]
    external_ref: &'a str,
    quote: QuoteBody<'a>,
    /// The estimated time of delivery. After the delivery, the actual time; after a failure, null.
    #[schemars(with = "Option<contracts::Time>")]
    estimated_delivery_at: Option<Timestamp>,
    /// A page for your user, without login. Everyone who has the link can see the payout.
    #[schemars(url)]
    tracking_url: String,
    /// The time of creation.
    #[schemars(with = "contracts::Time")]
    created_at: Timestamp,
    #[schemars(with = "contracts::Sequence")]
    sequence: Sequence,
    /// The history, oldest first: changes of the status, and further transactions. The first entry is `pending`. A
    /// change of only the estimate has no entry.
    #[schemars(with = "Vec<contracts::TimelineEntry>", length(min = 1))]
    timeline: &'a [TimelineEntry],
    /// The fees: as quoted, until the actual fees are known.
    #[schemars(with = "contracts::Usd")]
    fees_paid_usd: Usd,
    /// The amount that the recipient gets, in units of the asset: as quoted, until the actual amount is known. Does not
    /// change after the delivery.
    #[schemars(with = "contracts::Amount")]
    final_recipient_amount: Amount,
    /// Whether the estimated time has passed and the payout is neither delivered nor failed.
    late: bool,
    #[schemars(with = "contracts::Funds")]
    funds: Funds,
    /// The cause of the failure; null unless the payout failed.
    #[schemars(with = "Option<contracts::Failure>")]
    failure: Option<&'a Failure>,
}

impl<'a> PayoutBody<'a> {
    /// Creates the body for `snapshot`.
    #[must_use]
    pub fn new(snapshot: &'a Snapshot, tracking_url: String) -> Self {
        let payout = &snapshot.payout;
        Self {
            id: payout.id,
            status: snapshot.status(),
            external_ref: &payout.terms.external_ref,
            quote: QuoteBody::from(&*payout.terms),
            estimated_delivery_at: snapshot.estimated_delivery_at(),
            tracking_url,
            created_at: payout.created_at,
            sequence: snapshot.sequence,
            timeline: &snapshot.timeline,
            fees_paid_usd: snapshot.fees_paid_usd(),
            final_recipient_amount: snapshot.final_recipient_amount(),
            late: snapshot.late(),
            funds: snapshot.funds(),
            failure: snapshot.failure(),
        }
    }
}
