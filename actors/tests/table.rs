//! Applies every report to every state of the state machine, and compares the results with the table in `README.md`.
//! `UPDATE_TABLE=1 cargo test -p payoutd-actors --test table` rewrites the table.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use payoutd_actors::testing::sample::{self, at};
use payoutd_domain::{
    Cause, Event, FailedFunds, Network, Outcome, Payout, ProgressReport, Report, ReportKind, Status,
    Timestamp, TxHash,
};

const BEGIN: &str = "<!-- table: written by tests/table.rs -->\n";
const END: &str = "<!-- end of table -->";

/// The hash of the known transaction, in every state that has one.
const KNOWN: &str = "0xaa";
const OTHER: &str = "0xbb";

/// A payout in each state, in the order of the columns. The newest estimate of each was reported at second 60.
fn states() -> Vec<Payout> {
    let reports = |kinds: Vec<ReportKind>| {
        let mut payout = Payout::new(Arc::new(sample::payout(1)));
        for (n, kind) in kinds.into_iter().enumerate() {
            apply_report(&mut payout, &sample::report(&format!("before-{n}"), 60, kind), at(60));
        }
        payout
    };
    let progress_60 = || sample::progress(Some(300));
    let broadcast_60 = || sample::broadcast(KNOWN, Some(300));
    let states = vec![
        reports(vec![progress_60()]),
        reports(vec![progress_60(), broadcast_60()]),
        reports(vec![progress_60(), broadcast_60(), sample::delivered(KNOWN)]),
        reports(vec![progress_60(), broadcast_60(), sample::failed(false, Some(FailedFunds::Returned))]),
    ];
    let statuses: Vec<_> = states.iter().map(|payout| payout.state().status()).collect();
    assert_eq!(statuses, Status::ALL, "one column per state");
    states
}

fn progress(change: impl FnOnce(&mut ProgressReport)) -> ReportKind {
    let mut progress = ProgressReport {
        network: Network::new("ethereum"),
        tx_hash: None,
        confirmations: None,
        required_confirmations: None,
        estimated_seconds: None,
        replaced_by: None,
    };
    change(&mut progress);
    ReportKind::Progress(progress)
}

/// Every kind of report, with every variant that makes a difference: its name, its time in seconds, and its content.
fn reports() -> Vec<(&'static str, i64, ReportKind)> {
    let confirmed = |p: &mut ProgressReport| {
        (p.confirmations, p.required_confirmations) = (Some(5), Some(20));
    };
    let replaced = |p: &mut ProgressReport| p.replaced_by = Some(TxHash::new(OTHER));
    vec![
        ("`broadcast`, known hash", 90, sample::broadcast(KNOWN, Some(400))),
        ("`broadcast`, another hash, with an estimate", 90, sample::broadcast(OTHER, Some(400))),
        ("`broadcast`, another hash, without one", 90, sample::broadcast(OTHER, None)),
        ("`broadcast`, another hash, older estimate", 30, sample::broadcast(OTHER, Some(400))),
        ("`progress`, with an estimate", 90, sample::progress(Some(400))),
        ("`progress`, the same estimate", 90, sample::progress(Some(270))),
        ("`progress`, older estimate", 30, sample::progress(Some(400))),
        ("`progress`, confirmations only", 90, progress(confirmed)),
        ("`progress`, nothing about time", 90, sample::progress(None)),
        ("`progress`, replaced by another hash", 90, progress(replaced)),
        ("`delivered`, known hash", 90, sample::delivered(KNOWN)),
        ("`delivered`, another hash", 90, sample::delivered(OTHER)),
        ("`failed`", 90, sample::failed(false, None)),
        ("`failed`, `reversal: true`", 90, sample::failed(true, None)),
    ]
}

fn apply_report(payout: &mut Payout, report: &Report, now: Timestamp) -> (Outcome, Vec<Event>) {
    let decision = payout.decide(report, now);
    let entry = payout.entry(Cause::Report(report.clone()), decision, now);
    payout.apply(&entry).expect("a decided event can be applied");
    (entry.outcome, entry.events)
}

/// Applies the report, checks what holds in every cell, and returns the text of the cell.
fn cell(mut payout: Payout, report: &Report) -> String {
    let before = payout.snapshot();
    let (outcome, events) = apply_report(&mut payout, report, at(100));
    let after = payout.snapshot();
    assert_eq!(after.sequence.0, before.sequence.0 + i64::try_from(events.len()).expect("a few events"));
    assert_eq!(after.version, before.version.next(), "every report is recorded");
    assert_eq!(
        after.attention.is_some(),
        matches!(outcome, Outcome::Refused(_)),
        "only a refusal sets attention"
    );
    let estimates = (before.estimated_delivery_at(), after.estimated_delivery_at());
    let moves = events.iter().any(moves_estimate);
    assert!(
        after.status().is_end() || (estimates.0 != estimates.1) == moves,
        "only events change the estimate"
    );
    let repeated = payout.decide(report, at(100));
    assert_eq!(Outcome::from(&repeated).name(), "unchanged", "a repeat is unchanged");
    match outcome {
        Outcome::Applied => events.iter().map(event_text).collect::<Vec<_>>().join(" "),
        Outcome::Unchanged(reason) => format!("unchanged ({})", reason_text(&reason)),
        Outcome::Refused(reason) => format!("refused, **attention** ({})", reason_text(&reason)),
    }
}

fn moves_estimate(event: &Event) -> bool {
    match event {
        Event::Broadcast { estimate, .. } | Event::TransactionSeen { estimate, .. } => estimate.is_some(),
        Event::EstimateMoved { .. } => true,
        Event::Late | Event::Delivered { .. } | Event::Failed { .. } => false,
    }
}

fn event_text(event: &Event) -> String {
    let what = match event {
        Event::Broadcast { inferred: true, .. } => "→ broadcast (inferred)",
        Event::Broadcast { inferred: false, .. } => "→ broadcast",
        Event::TransactionSeen { .. } => "transaction recorded",
        Event::EstimateMoved { .. } => return "estimate moves".into(),
        Event::Late => "late",
        Event::Delivered { .. } => "→ delivered",
        Event::Failed { .. } => "→ failed",
    };
    if moves_estimate(event) { format!("{what}, estimate moves") } else { what.into() }
}

fn reason_text(reason: &impl serde::Serialize) -> String {
    let word = serde_json::to_string(reason).expect("a reason can be serialized");
    word.trim_matches('"').replace('_', " ")
}

fn table() -> String {
    let mut table = String::from("| report \\ state |");
    for status in Status::ALL {
        let _ = write!(table, " {status} |");
    }
    table.push_str("\n|---|---|---|---|---|\n");
    for (name, seconds, kind) in reports() {
        let report = sample::report("now", seconds, kind);
        let _ = write!(table, "| {name} |");
        for payout in states() {
            let _ = write!(table, " {} |", cell(payout, &report));
        }
        table.push('\n');
    }
    table
}

#[test]
fn the_table_in_the_readme_matches_the_state_machine() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).expect("actors/README.md");
    let (before, rest) = readme.split_once(BEGIN).expect("the marker before the table");
    let (written, after) = rest.split_once(END).expect("the marker after the table");
    let table = table();
    if std::env::var_os("UPDATE_TABLE").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}")).expect("README.md is writable");
    } else {
        assert_eq!(written, table, "if the state machine is correct, run with UPDATE_TABLE=1");
    }
}

/// Section 3 of the public contract, row by row. `UPDATE_TABLE` does not change these expectations.
#[test]
fn the_state_machine_follows_the_contract() {
    let cells = |kind: ReportKind| {
        let report = sample::report("now", 90, kind);
        states().into_iter().map(|payout| cell(payout, &report)).collect::<Vec<_>>()
    };
    let late = "unchanged (late)";
    let known = "unchanged (already known)";
    assert_eq!(
        cells(sample::broadcast(KNOWN, None)),
        ["→ broadcast, estimate moves", known, late, "refused, **attention** (broadcast after failed)"]
    );
    assert_eq!(cells(sample::broadcast(OTHER, None))[1], "transaction recorded, estimate moves");
    assert_eq!(cells(sample::progress(Some(1))), ["estimate moves", "estimate moves", late, late]);
    assert_eq!(
        cells(sample::delivered(KNOWN)),
        [
            "→ broadcast (inferred) → delivered",
            "→ delivered",
            known,
            "refused, **attention** (delivered after failed)"
        ]
    );
    assert_eq!(cells(sample::delivered(OTHER))[2], "refused, **attention** (delivered twice)");
    assert_eq!(
        cells(sample::failed(false, None)),
        ["→ failed", "→ failed", "refused, **attention** (failed after delivered)", known]
    );
    assert_eq!(cells(sample::failed(true, None)), ["→ failed", "→ failed", "→ failed", known]);
}
