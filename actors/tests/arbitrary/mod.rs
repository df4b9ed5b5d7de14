//! Strategies for random reports. Hashes, ids and times have few values, so that repeats, ties and collisions are
//! common.

use proptest::option;
use proptest::prelude::*;

use payoutd_actors::testing::sample::{amount, at};
use payoutd_domain::{
    BroadcastReport, DeliveredReport, FailedFunds, FailedReport, Leg, Network, ProgressReport, Report,
    ReportKey, ReportKind, Transaction, TxHash, Usd,
};

/// One input to a payout. `after` is the number of seconds since the previous input.
#[derive(Debug, Clone)]
pub(crate) enum Input {
    /// A report of a watcher.
    Report { after: u32, report: Report },
    /// A check whether the estimated delivery time has passed.
    DuePassed { after: u32 },
}

/// Fewer than `length` inputs, over minutes or hours.
pub(crate) fn inputs(length: usize) -> impl Strategy<Value = Vec<Input>> {
    let after = || prop_oneof![3 => 0..90u32, 1 => 0..2_000u32];
    let input = prop_oneof![
        8 => (after(), report()).prop_map(|(after, report)| Input::Report { after, report }),
        1 => after().prop_map(|after| Input::DuePassed { after }),
    ];
    prop::collection::vec(input, 0..length)
}

/// A report with a time from one hour before the payout to two hours after it, or far in the future.
fn report() -> impl Strategy<Value = Report> {
    // Mostly whole minutes, so that equal times and equal estimates are common.
    let time = prop_oneof![6 => (0..20i64).prop_map(|minutes| minutes * 60), 1 => -3_600..7_200i64, 1 => Just(1_000_000i64)];
    (key(), time, kind()).prop_map(|(key, time, kind)| Report { key, time: at(time), kind })
}

fn key() -> impl Strategy<Value = ReportKey> {
    (0..3u8, 0..40u8).prop_map(|(source, id)| ReportKey {
        source: format!("watcher/{source}").into(),
        id: id.to_string().into(),
    })
}

/// A report of any kind.
fn kind() -> impl Strategy<Value = ReportKind> {
    prop_oneof![
        4 => broadcast(),
        4 => progress(),
        1 => delivered(),
        1 => failed(),
    ]
}

fn hash() -> impl Strategy<Value = TxHash> {
    (0..6u8).prop_map(|n| TxHash::new(&format!("0x{n:02}")))
}

fn transaction() -> impl Strategy<Value = Transaction> {
    (network(), hash()).prop_map(|(network, tx_hash)| Transaction { network, tx_hash })
}

fn network() -> impl Strategy<Value = Network> {
    prop::sample::select(vec![Network::new("ethereum"), Network::new("tron")])
}

fn seconds() -> impl Strategy<Value = Option<u32>> {
    option::of(
        prop_oneof![4 => (0..15u32).prop_map(|minutes| minutes * 60), 1 => 0..900u32, 1 => Just(u32::MAX)],
    )
}

fn broadcast() -> impl Strategy<Value = ReportKind> {
    let leg = option::of(prop::sample::select(vec![Leg::Source, Leg::Bridge, Leg::Destination]));
    (transaction(), leg, seconds()).prop_map(|(transaction, leg, estimated_seconds)| {
        ReportKind::Broadcast(BroadcastReport { transaction, leg, estimated_seconds })
    })
}

fn progress() -> impl Strategy<Value = ReportKind> {
    let counts = (option::of(0..30u32), option::of(0..20u32));
    (network(), option::of(hash()), counts, seconds(), option::weighted(0.2, hash())).prop_map(
        |(network, tx_hash, (confirmations, required_confirmations), estimated_seconds, replaced_by)| {
            ReportKind::Progress(ProgressReport {
                network,
                tx_hash,
                confirmations,
                required_confirmations,
                estimated_seconds,
                replaced_by,
            })
        },
    )
}

fn delivered() -> impl Strategy<Value = ReportKind> {
    (transaction(), option::of(90..110u32), option::of(0..5u32)).prop_map(|(transaction, amount_of, fee)| {
        ReportKind::Delivered(DeliveredReport {
            transaction,
            recipient_amount: amount_of.map(|n| amount(&n.to_string())),
            fees_paid_usd: fee.map(|n| Usd(amount(&format!("{n}.25")))),
            confirmations: None,
        })
    })
}

fn failed() -> impl Strategy<Value = ReportKind> {
    let funds = prop::sample::select(vec![FailedFunds::NotSent, FailedFunds::Returned, FailedFunds::Unknown]);
    (option::of(funds), any::<bool>(), option::of(hash())).prop_map(|(funds, reversal, tx_hash)| {
        ReportKind::Failed(FailedReport {
            code: "dropped".into(),
            message: "It was dropped.".into(),
            network: None,
            tx_hash,
            funds,
            reversal,
        })
    })
}
