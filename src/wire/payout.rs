//! The payout object of the partner API.

use payoutd_domain::{
    Amount, Failure, Funds, Network, PayoutId, QuoteId, Sequence, Snapshot, Status, Terms, TimelineEntry,
    Timestamp, Usd,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::contracts;

/// The terms a payout was created on. They never change.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PayoutTerms")]
pub(super) struct QuoteBody<'a> {
    /// The quote that was executed.
    #[schemars(with = "contracts::QuoteId")]
    quote_id: &'a QuoteId,
    /// What leaves the sender, in the asset.
    #[schemars(with = "contracts::Amount")]
    user_sends: Amount,
    /// What the recipient is to get, in the asset.
    #[schemars(with = "contracts::Amount")]
    recipient_gets: Amount,
    /// All fees, as quoted.
    #[schemars(with = "contracts::Usd")]
    fee_total_usd: Usd,
    /// The way the funds take.
    route: RouteBody<'a>,
}

/// The way the funds take. A bridge, where the two networks differ.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Route")]
pub(super) struct RouteBody<'a> {
    /// Where they leave.
    #[schemars(with = "contracts::Network")]
    from_network: &'a Network,
    /// Where they arrive.
    #[schemars(with = "contracts::Network")]
    to_network: &'a Network,
    /// How long the whole way usually takes, in seconds.
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

/// What `POST /payouts` answers. It shows the payout at its creation, whatever happened since, so the same call has
/// the same answer, byte for byte.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CreatedPayout")]
pub struct CreatedBody<'a> {
    #[schemars(with = "contracts::PayoutId")]
    id: PayoutId,
    /// Always `pending`.
    #[schemars(with = "contracts::Status", extend("const" = "pending"))]
    status: Status,
    quote: QuoteBody<'a>,
    /// When the funds should arrive.
    #[schemars(with = "contracts::Time")]
    estimated_delivery_at: Timestamp,
    /// A page for your user, without login. Whoever has the link can see the payout.
    #[schemars(url)]
    tracking_url: String,
    /// When the payout was created.
    #[schemars(with = "contracts::Time")]
    created_at: Timestamp,
    /// Always 1.
    #[schemars(with = "contracts::Sequence", extend("const" = 1))]
    sequence: Sequence,
}

impl<'a> CreatedBody<'a> {
    /// The body for the payout that `snapshot` is of.
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

/// A payout as it is now.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Payout")]
pub struct PayoutBody<'a> {
    #[schemars(with = "contracts::PayoutId")]
    id: PayoutId,
    #[schemars(with = "contracts::Status")]
    status: Status,
    /// Your own reference, as the quote request had it.
    #[schemars(length(min = 1, max = 255), example = &"order-1001")]
    external_ref: &'a str,
    quote: QuoteBody<'a>,
    /// When the funds should arrive; when they did, once delivered; null once failed.
    #[schemars(with = "Option<contracts::Time>")]
    estimated_delivery_at: Option<Timestamp>,
    /// A page for your user, without login. Whoever has the link can see the payout.
    #[schemars(url)]
    tracking_url: String,
    /// When the payout was created.
    #[schemars(with = "contracts::Time")]
    created_at: Timestamp,
    #[schemars(with = "contracts::Sequence")]
    sequence: Sequence,
    /// What happened so far, oldest first: changes of the status, and further transactions. The first entry is
    /// `pending`. Changes of the estimate alone have no entry.
    #[schemars(with = "Vec<contracts::TimelineEntry>", length(min = 1))]
    timeline: &'a [TimelineEntry],
    /// What it cost: as quoted, until the actual figure is known.
    #[schemars(with = "contracts::Usd")]
    fees_paid_usd: Usd,
    /// What the recipient gets, in the asset: as quoted, until the actual figure is known. Stable once delivered.
    #[schemars(with = "contracts::Amount")]
    final_recipient_amount: Amount,
    /// Whether the estimate has passed and the payout has not ended.
    late: bool,
    #[schemars(with = "contracts::Funds")]
    funds: Funds,
    /// Why it failed; null unless it did.
    #[schemars(with = "Option<contracts::Failure>")]
    failure: Option<&'a Failure>,
}

impl<'a> PayoutBody<'a> {
    /// The body for `snapshot`.
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
