//! Sample payouts and reports.

use std::sync::Arc;

use uuid::Uuid;

use payoutd_domain::{
    Amount, BroadcastReport, Cause, DeliveredReport, Entry, FailedFunds, FailedReport, Mode, Network,
    NewPayout, OrgId, Outcome, PayoutId, ProgressReport, QuoteId, Report, ReportKey, ReportKind, Route,
    Terms, Timestamp, TrackingToken, Transaction, TxHash, Usd, Version,
};

/// The quoted time from creation to delivery of every sample payout, in seconds.
pub const ROUTE_SECONDS: u32 = 600;
/// The quoted time from broadcast to delivery, in seconds.
pub const SECONDS_AFTER_BROADCAST: u32 = 540;

/// The time `seconds` after noon UTC on 1 January 2026. Sample payouts are created at `at(0)`.
#[must_use]
pub fn at(seconds: i64) -> Timestamp {
    const NOON: i64 = 1_767_268_800;
    Timestamp::from_micros((NOON + seconds) * 1_000_000).unwrap_or(Timestamp::EPOCH)
}

/// The id of the sample payout with this number.
#[must_use]
pub fn id(number: u64) -> PayoutId {
    PayoutId(Uuid::from_u64_pair(0x0192_0000_0000_7000, number))
}

/// The sample payout with this number: live, with a quote of its own, created at [`at`]`(0)`.
#[must_use]
pub fn payout(number: u64) -> NewPayout {
    payout_of_quote(number, number)
}

/// The sample payout with this number, created from the quote with that number.
#[must_use]
pub fn payout_of_quote(number: u64, quote: u64) -> NewPayout {
    #[expect(clippy::expect_used, reason = "the literal is a valid quote id")]
    let quote_id: QuoteId = format!("quo_{quote:016x}").parse().expect("a quote id");
    let terms = Terms {
        org: OrgId(Uuid::from_u64_pair(7, 7)),
        mode: Mode::Live,
        quote_id,
        external_ref: format!("invoice-{quote}").into(),
        destination: "TJRabPrwbZy45sbavfcjinPJC18kjpRTv8".into(),
        asset: "USDT".into(),
        user_sends: amount("101.50"),
        recipient_gets: amount("100"),
        fee_total: Usd(amount("1.5")),
        route: Route {
            from_network: Network::new("ethereum"),
            to_network: Network::new("tron"),
            estimated_seconds: ROUTE_SECONDS,
            seconds_after_broadcast: SECONDS_AFTER_BROADCAST,
        },
    };
    NewPayout {
        id: id(number),
        tracking_token: TrackingToken(Uuid::from_u64_pair(0xfeed, number)),
        created_at: at(0),
        terms: Arc::new(terms),
    }
}

/// The same payout in another mode.
#[must_use]
pub fn in_mode(mut payout: NewPayout, mode: Mode) -> NewPayout {
    payout.terms = Arc::new(Terms { mode, ..Terms::clone(&payout.terms) });
    payout
}

/// Parses an amount; zero if `text` is not an amount.
#[must_use]
pub fn amount(text: &str) -> Amount {
    text.parse().unwrap_or(Amount::ZERO)
}

/// A transaction on the sending network.
#[must_use]
pub fn transaction(hash: &str) -> Transaction {
    Transaction { network: Network::new("ethereum"), tx_hash: TxHash::new(hash) }
}

/// A report of the sample watcher with this id, observed at [`at`]`(seconds)`.
#[must_use]
pub fn report(id: &str, seconds: i64, kind: ReportKind) -> Report {
    Report { key: ReportKey { source: "watcher/sample".into(), id: id.into() }, time: at(seconds), kind }
}

/// A transaction was broadcast.
#[must_use]
pub fn broadcast(hash: &str, estimated_seconds: Option<u32>) -> ReportKind {
    ReportKind::Broadcast(BroadcastReport { transaction: transaction(hash), leg: None, estimated_seconds })
}

/// The payout is in progress.
#[must_use]
pub fn progress(estimated_seconds: Option<u32>) -> ReportKind {
    ReportKind::Progress(ProgressReport {
        network: Network::new("ethereum"),
        tx_hash: None,
        confirmations: None,
        required_confirmations: None,
        estimated_seconds,
        replaced_by: None,
    })
}

/// The payout was delivered.
#[must_use]
pub fn delivered(hash: &str) -> ReportKind {
    ReportKind::Delivered(DeliveredReport {
        transaction: transaction(hash),
        recipient_amount: None,
        fees_paid_usd: None,
        confirmations: None,
    })
}

/// The payout failed.
#[must_use]
pub fn failed(reversal: bool, funds: Option<FailedFunds>) -> ReportKind {
    ReportKind::Failed(FailedReport {
        code: "dropped".into(),
        message: "The transaction was dropped.".into(),
        network: None,
        tx_hash: None,
        funds,
        reversal,
    })
}

/// An entry that is no legal successor of any entry.
#[must_use]
pub fn illegal_entry() -> Entry {
    Entry {
        version: Version(-1),
        recorded_at: at(0),
        cause: Cause::DuePassed,
        outcome: Outcome::Applied,
        events: Vec::new(),
    }
}
