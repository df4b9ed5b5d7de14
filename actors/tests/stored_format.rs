//! The stored format of journal entries. Journals are kept for years, so every later version must be able to read what
//! is written today. A new optional field is compatible. If a test fails here, stored journals would be misread.

use payoutd_actors::testing::sample::{amount, at, report, transaction};
use payoutd_domain::{
    BroadcastReport, Cause, DeliveredReport, Entry, Estimate, Event, FailedFunds, FailedReport, Failure, Leg,
    Network, Outcome, ProgressReport, Refusal, Report, ReportKind, TxHash, Unchanged, Usd, Version,
};

fn entry(version: i64, cause: Cause, outcome: Outcome, events: Vec<Event>) -> Entry {
    Entry { version: Version(version), recorded_at: at(version), cause, outcome, events }
}

fn report_cause(id: &str, kind: ReportKind) -> Cause {
    Cause::Report(report(id, 1, kind))
}

/// Checks that the entry is serialized as `text`, and that parsing `text` returns the entry.
fn assert_stored(entry: &Entry, text: &str) {
    assert_eq!(serde_json::to_string(entry).expect("an entry can be serialized"), text);
    assert_eq!(serde_json::from_str::<Entry>(text).expect("a stored entry can be parsed"), *entry);
}

fn failed_report(reversal: bool) -> FailedReport {
    FailedReport {
        code: "reorg".into(),
        message: "The chain was reorganised.".into(),
        network: Some(Network::new("tron")),
        tx_hash: Some(TxHash::new("0xbb")),
        funds: Some(FailedFunds::NotSent),
        reversal,
    }
}

#[test]
fn a_broadcast_entry() {
    let data = BroadcastReport {
        transaction: transaction("0xaa"),
        leg: Some(Leg::Source),
        estimated_seconds: Some(30),
    };
    let estimate = Estimate::counted_from(at(1), 30);
    let event = Event::Broadcast {
        at: at(1),
        transaction: transaction("0xaa"),
        inferred: false,
        estimate: Some(estimate),
    };
    assert_stored(
        &entry(2, report_cause("b", ReportKind::Broadcast(data)), Outcome::Applied, vec![event]),
        concat!(
            r#"{"version":2,"recorded_at":"2026-01-01T12:00:02.000000Z","cause":"report","#,
            r#""report":{"source":"watcher/sample","id":"b","time":"2026-01-01T12:00:01.000000Z","type":"broadcast","#,
            r#""data":{"network":"ethereum","tx_hash":"0xaa","leg":"source","estimated_seconds":30}},"#,
            r#""outcome":"applied","events":[{"event":"broadcast","at":"2026-01-01T12:00:01.000000Z","#,
            r#""transaction":{"network":"ethereum","tx_hash":"0xaa"},"#,
            r#""estimate":{"delivery_at":"2026-01-01T12:00:31.000000Z","as_of":"2026-01-01T12:00:01.000000Z"}}]}"#,
        ),
    );
}

#[test]
fn a_progress_entry_with_a_replacement() {
    let data = ProgressReport {
        network: Network::new("ethereum"),
        tx_hash: Some(TxHash::new("0xaa")),
        confirmations: Some(1),
        required_confirmations: Some(12),
        estimated_seconds: Some(9),
        replaced_by: Some(TxHash::new("0xbb")),
    };
    let seen_transaction = Event::TransactionSeen {
        at: at(1),
        transaction: transaction("0xbb"),
        leg: Some(Leg::Bridge),
        estimate: None,
    };
    let estimate_moved = Event::EstimateMoved { estimate: Estimate::counted_from(at(1), 9) };
    assert_stored(
        &entry(
            3,
            report_cause("p", ReportKind::Progress(data)),
            Outcome::Applied,
            vec![seen_transaction, estimate_moved],
        ),
        concat!(
            r#"{"version":3,"recorded_at":"2026-01-01T12:00:03.000000Z","cause":"report","#,
            r#""report":{"source":"watcher/sample","id":"p","time":"2026-01-01T12:00:01.000000Z","type":"progress","#,
            r#""data":{"network":"ethereum","tx_hash":"0xaa","confirmations":1,"required_confirmations":12,"#,
            r#""estimated_seconds":9,"replaced_by":"0xbb"}},"#,
            r#""outcome":"applied","events":[{"event":"transaction_seen","at":"2026-01-01T12:00:01.000000Z","#,
            r#""transaction":{"network":"ethereum","tx_hash":"0xbb"},"leg":"bridge"},"#,
            r#"{"event":"estimate_moved","estimate":{"delivery_at":"2026-01-01T12:00:10.000000Z","#,
            r#""as_of":"2026-01-01T12:00:01.000000Z"}}]}"#,
        ),
    );
}

#[test]
fn a_delivery_entry_with_an_inferred_broadcast() {
    let data = DeliveredReport {
        transaction: transaction("0xaa"),
        recipient_amount: Some(amount("99.5")),
        fees_paid_usd: Some(Usd(amount("1.2"))),
        confirmations: Some(12),
    };
    let events = vec![
        Event::Broadcast { at: at(1), transaction: transaction("0xaa"), inferred: true, estimate: None },
        Event::Delivered {
            at: at(1),
            transaction: transaction("0xaa"),
            recipient_amount: Some(amount("99.5")),
            fees_paid_usd: Some(Usd(amount("1.2"))),
        },
    ];
    assert_stored(
        &entry(2, report_cause("d", ReportKind::Delivered(data)), Outcome::Applied, events),
        concat!(
            r#"{"version":2,"recorded_at":"2026-01-01T12:00:02.000000Z","cause":"report","#,
            r#""report":{"source":"watcher/sample","id":"d","time":"2026-01-01T12:00:01.000000Z","type":"delivered","#,
            r#""data":{"network":"ethereum","tx_hash":"0xaa","recipient_amount":"99.5","fees_paid_usd":"1.20","#,
            r#""confirmations":12}},"outcome":"applied","#,
            r#""events":[{"event":"broadcast","at":"2026-01-01T12:00:01.000000Z","#,
            r#""transaction":{"network":"ethereum","tx_hash":"0xaa"},"inferred":true},"#,
            r#"{"event":"delivered","at":"2026-01-01T12:00:01.000000Z","#,
            r#""transaction":{"network":"ethereum","tx_hash":"0xaa"},"recipient_amount":"99.5","fees_paid_usd":"1.20"}]}"#,
        ),
    );
}

#[test]
fn a_reversal_entry() {
    let event = Event::Failed {
        at: at(1),
        failure: Failure { code: "reorg".into(), message: "The chain was reorganised.".into() },
        funds: FailedFunds::NotSent,
        network: Some(Network::new("tron")),
        tx_hash: Some(TxHash::new("0xbb")),
    };
    assert_stored(
        &entry(4, report_cause("f", ReportKind::Failed(failed_report(true))), Outcome::Applied, vec![event]),
        concat!(
            r#"{"version":4,"recorded_at":"2026-01-01T12:00:04.000000Z","cause":"report","#,
            r#""report":{"source":"watcher/sample","id":"f","time":"2026-01-01T12:00:01.000000Z","type":"failed","#,
            r#""data":{"code":"reorg","message":"The chain was reorganised.","network":"tron","tx_hash":"0xbb","#,
            r#""funds":"not_sent","reversal":true}},"outcome":"applied","#,
            r#""events":[{"event":"failed","at":"2026-01-01T12:00:01.000000Z","#,
            r#""failure":{"code":"reorg","message":"The chain was reorganised."},"funds":"not_sent","#,
            r#""network":"tron","tx_hash":"0xbb"}]}"#,
        ),
    );
}

#[test]
fn refused_and_unchanged_entries_contain_the_report_and_no_events() {
    let report = ReportKind::Failed(FailedReport {
        network: None,
        tx_hash: None,
        funds: None,
        ..failed_report(false)
    });
    let stored = |outcome: &str| {
        format!(
            concat!(
                r#"{{"version":5,"recorded_at":"2026-01-01T12:00:05.000000Z","cause":"report","#,
                r#""report":{{"source":"watcher/sample","id":"r","time":"2026-01-01T12:00:01.000000Z","type":"failed","#,
                r#""data":{{"code":"reorg","message":"The chain was reorganised.","reversal":false}}}},{}}}"#,
            ),
            outcome
        )
    };
    let outcomes = [
        (Outcome::Refused(Refusal::BroadcastAfterFailed), "refused", "broadcast_after_failed"),
        (Outcome::Refused(Refusal::DeliveredAfterFailed), "refused", "delivered_after_failed"),
        (Outcome::Refused(Refusal::DeliveredTwice), "refused", "delivered_twice"),
        (Outcome::Refused(Refusal::FailedAfterDelivered), "refused", "failed_after_delivered"),
        (Outcome::Refused(Refusal::TooManyTransactions), "refused", "too_many_transactions"),
        (Outcome::Unchanged(Unchanged::Repeat), "unchanged", "repeat"),
        (Outcome::Unchanged(Unchanged::AlreadyKnown), "unchanged", "already_known"),
        (Outcome::Unchanged(Unchanged::Late), "unchanged", "late"),
        (Outcome::Unchanged(Unchanged::NothingNew), "unchanged", "nothing_new"),
    ];
    for (outcome, name, reason) in outcomes {
        let text = stored(&format!(r#""outcome":"{name}","reason":"{reason}""#));
        assert_stored(&entry(5, report_cause("r", report.clone()), outcome, vec![]), &text);
    }
}

#[test]
fn a_due_passed_entry() {
    assert_stored(
        &entry(6, Cause::DuePassed, Outcome::Applied, vec![Event::Late]),
        concat!(
            r#"{"version":6,"recorded_at":"2026-01-01T12:00:06.000000Z","cause":"due_passed","#,
            r#""outcome":"applied","events":[{"event":"late"}]}"#,
        ),
    );
}

#[test]
fn unknown_fields_of_later_versions_are_ignored() {
    let text = r#"{"version":6,"recorded_at":"2026-01-01T12:00:06.000000Z","cause":"due_passed",
        "outcome":"applied","events":[{"event":"late","mood":"calm"}],"shard":3}"#;
    let read: Entry = serde_json::from_str(text).unwrap();
    assert_eq!(read, entry(6, Cause::DuePassed, Outcome::Applied, vec![Event::Late]));
    let _: Report = serde_json::from_str(
        r#"{"source":"s","id":"i","time":"2026-01-01T12:00:06Z","type":"progress","data":{"network":"tron","x":1}}"#,
    )
    .unwrap();
}
