//! The payout object of the partner API.

use payoutd_actors::payout::{
    Amount, Failure, Funds, Network, PayoutId, QuoteId, Sequence, Snapshot, Status, Terms, TimelineEntry,
    Timestamp, Usd,
};
use serde::Serialize;

/// The terms a payout was created on.
#[derive(Debug, Serialize)]
pub(super) struct QuoteBody<'a> {
    quote_id: &'a QuoteId,
    user_sends: Amount,
    recipient_gets: Amount,
    fee_total_usd: Usd,
    route: RouteBody<'a>,
}

/// The way the funds take.
#[derive(Debug, Serialize)]
pub(super) struct RouteBody<'a> {
    from_network: &'a Network,
    to_network: &'a Network,
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
#[derive(Debug, Serialize)]
pub struct CreatedBody<'a> {
    id: PayoutId,
    status: Status,
    quote: QuoteBody<'a>,
    estimated_delivery_at: Timestamp,
    tracking_url: String,
    created_at: Timestamp,
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

/// What `GET /payouts/{id}` answers, and what every event carries.
#[derive(Debug, Serialize)]
pub struct PayoutBody<'a> {
    id: PayoutId,
    status: Status,
    external_ref: &'a str,
    quote: QuoteBody<'a>,
    estimated_delivery_at: Option<Timestamp>,
    tracking_url: String,
    created_at: Timestamp,
    sequence: Sequence,
    timeline: &'a [TimelineEntry],
    fees_paid_usd: Usd,
    final_recipient_amount: Amount,
    late: bool,
    funds: Funds,
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
