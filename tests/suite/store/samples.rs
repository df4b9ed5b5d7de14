//! Sample payouts, reports and writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use payoutd_actors::ports::{Append, Create};
use payoutd_domain::{
    BroadcastReport, Cause, Change, Decision, DeliveredReport, FailedReport, Mode, Network, NewPayout, OrgId,
    Payout, PayoutId, Report, ReportKey, ReportKind, Route, Snapshot, Terms, Timestamp, TrackingToken,
    Transaction, TxHash, Usd,
};
use uuid::Uuid;

static COUNT: AtomicU64 = AtomicU64::new(0);

/// A number that is different in every call.
pub(crate) fn unique() -> u64 {
    COUNT.fetch_add(1, Ordering::Relaxed)
}

/// The time `seconds` after a fixed one.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_770_000_000_123_457 + seconds * 1_000_000).unwrap()
}

pub(crate) fn terms(mode: Mode, quote: &str) -> Terms {
    Terms {
        org: OrgId(Uuid::from_u128(7)),
        mode,
        quote_id: quote.parse().unwrap(),
        external_ref: "order Ωmega ‘1’ \\ \"x\"".into(),
        destination: "TXYZ".into(),
        asset: "USDT".into(),
        user_sends: "99999999999999999999.999999999999999999".parse().unwrap(),
        recipient_gets: "0.000000000000000001".parse().unwrap(),
        fee_total: Usd("1.50".parse().unwrap()),
        route: Route {
            from_network: Network::new("tron"),
            to_network: Network::new("ethereum"),
            estimated_seconds: 60,
            seconds_after_broadcast: u32::MAX,
        },
    }
}

pub(crate) fn payout_of(terms: Terms) -> NewPayout {
    NewPayout {
        id: PayoutId(Uuid::now_v7()),
        tracking_token: TrackingToken(Uuid::now_v7()),
        created_at: at(0),
        terms: Arc::new(terms),
    }
}

/// A live payout with a new quote.
pub(crate) fn payout() -> NewPayout {
    payout_of(terms(Mode::Live, &format!("quo_{}", unique())))
}

/// A live payout whose estimated delivery time is `seconds` after its creation.
pub(crate) fn payout_due_in(seconds: u32) -> NewPayout {
    let mut terms = terms(Mode::Live, &format!("quo_{}", unique()));
    terms.route.estimated_seconds = seconds;
    payout_of(terms)
}

pub(crate) fn create(payout: &NewPayout) -> Create {
    let payout = Arc::new(payout.clone());
    Create {
        change: Change::creation(Arc::clone(&payout)),
        record: None,
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
        payout,
    }
}

fn transaction(hash: &str) -> Transaction {
    Transaction { network: Network::new("tron"), tx_hash: TxHash::new(hash) }
}

fn report(kind: ReportKind) -> Report {
    Report { key: ReportKey { source: "watcher".into(), id: unique().to_string().into() }, time: at(5), kind }
}

pub(crate) fn broadcast(hash: &str) -> Report {
    let transaction = transaction(hash);
    report(ReportKind::Broadcast(BroadcastReport { transaction, leg: None, estimated_seconds: Some(30) }))
}

pub(crate) fn delivered(hash: &str) -> Report {
    report(ReportKind::Delivered(DeliveredReport {
        transaction: transaction(hash),
        recipient_amount: Some("12.5".parse().unwrap()),
        fees_paid_usd: Some(Usd("0.25".parse().unwrap())),
        confirmations: None,
    }))
}

pub(crate) fn failed(message: &str) -> Report {
    report(ReportKind::Failed(FailedReport {
        code: "rejected".into(),
        message: message.into(),
        network: None,
        tx_hash: None,
        funds: None,
        reversal: false,
    }))
}

/// The write that records `report`, and the payout after it.
pub(crate) fn append(payout: &Payout, report: Report) -> (Append, Payout) {
    let decision = payout.decide(&report, at(10));
    record(payout, Cause::Report(report), decision)
}

/// The write that records that the payout is late.
pub(crate) fn late(payout: &Payout) -> (Append, Payout) {
    let event = payout.decide_due(at(1_000_000)).expect("due");
    record(payout, Cause::DuePassed, Decision::Apply(vec![event]))
}

fn record(payout: &Payout, cause: Cause, decision: Decision) -> (Append, Payout) {
    let entry = payout.entry(cause, decision, at(10));
    let mut after = payout.clone();
    let changes = after.apply(&entry).unwrap();
    let write = Append {
        expected: payout.version(),
        entry: Arc::new(entry),
        after: Arc::new(after.snapshot()),
        changes,
        traceparent: Some("00-11111111111111111111111111111111-2222222222222222-00".into()),
    };
    (write, after)
}

/// A write that every store rejects: sequence numbers start at 1.
pub(crate) fn poisoned(payout: &Payout) -> Append {
    let (mut write, _) = append(payout, broadcast("0xbad"));
    let mut after = Snapshot::clone(&write.after);
    after.sequence.0 = 0;
    write.after = Arc::new(after);
    write
}
