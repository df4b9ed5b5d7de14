//! The payout state machine: any sequence of reports at any times.

use std::collections::HashSet;
use std::sync::Arc;

use payoutd_actors::testing::sample::{self, amount, at};
use payoutd_domain::{
    BroadcastReport, Cause, Decision, DeliveredReport, Entry, FailedFunds, FailedReport, Leg, Network,
    Outcome, Payout, ProgressReport, Report, ReportKey, ReportKind, Snapshot, Status, Transaction, TxHash,
    Unchanged, Usd,
};

use crate::input::Input;
use crate::{Target, Verdict};

pub(super) const TARGET: Target = Target {
    name: "machine",
    run,
    dictionary: &["\0\0\0\0\0\0", "\x01\x01\x01", "\x02\x02", "\x03\x07\x00", "\x04", "\x0f\x0f"],
    inputs: 2_000,
};

/// The maximum number of journal entries of a payout.
const MAX_ENTRIES: usize = 64;

fn run(input: &[u8]) -> Verdict {
    let mut input = Input::of(input);
    let mut payout = JournaledPayout::new();
    let mut applied = 0;
    while !input.is_empty() && payout.entries.len() < MAX_ENTRIES {
        applied += usize::from(payout.step(&mut input));
    }
    payout.assert_replays();
    if applied > 0 { Verdict::Accepted } else { Verdict::Refused }
}

/// A payout and its journal, as the actor has them.
struct JournaledPayout {
    payout: Payout,
    entries: Vec<Entry>,
    seen_keys: HashSet<ReportKey>,
    /// The current time, in seconds after the start.
    now: i64,
}

impl JournaledPayout {
    fn new() -> Self {
        let payout = Payout::new(Arc::new(sample::payout(1)));
        Self { payout, entries: Vec::new(), seen_keys: HashSet::new(), now: 0 }
    }

    /// Decodes one report, or the passing of the due time, and applies it. Returns whether the payout changed.
    fn step(&mut self, input: &mut Input<'_>) -> bool {
        self.now += i64::from(input.byte()) * i64::from(input.up_to(20));
        let now = at(self.now);
        let before = self.payout.snapshot();
        let (cause, decision) = if input.up_to(9) == 9 {
            let Some(event) = self.payout.decide_due(now) else {
                let due = before.state.due().is_some_and(|due| due.passed(now));
                assert!(!due || before.late(), "an overdue payout is late");
                return false;
            };
            (Cause::DuePassed, Decision::Apply(vec![event]))
        } else {
            let report = report(input, self.now);
            let decision = self.payout.decide(&report, now);
            let repeat = decision == Decision::Unchanged(Unchanged::Repeat);
            assert_eq!(repeat, self.seen_keys.contains(&report.key), "only a known key is a repeat");
            if repeat {
                return false;
            }
            self.seen_keys.insert(report.key.clone());
            (Cause::Report(report), decision)
        };
        let outcome = Outcome::from(&decision);
        let entry = self.payout.entry(cause, decision, now);
        let changes = self.payout.apply(&entry).unwrap_or_else(|_| panic!("a decision can be applied"));
        assert_eq!(changes.len(), entry.events.len());
        for (n, change) in (1..).zip(&changes) {
            assert_eq!(change.snapshot.sequence.0, before.sequence.0 + n, "sequences have no gaps");
        }
        let after = self.payout.snapshot();
        assert_eq!(changes.is_empty(), outcome != Outcome::Applied);
        assert_eq!(
            changes.last().map_or(&before.state, |change| &change.snapshot.state).status(),
            after.status()
        );
        assert_step(&before, &after, outcome);
        self.entries.push(entry);
        !changes.is_empty()
    }

    fn assert_replays(&self) {
        let stored = serde_json::to_string(&self.entries).unwrap_or_default();
        let entries: Vec<Entry> = serde_json::from_str(&stored).unwrap_or_default();
        assert_eq!(entries, self.entries, "the journal can be deserialized");
        let replayed = Payout::replay(Arc::clone(self.payout.created()), &entries).ok();
        assert_eq!(replayed.as_ref(), Some(&self.payout), "the replay gives the same payout");
        let snapshot = self.payout.snapshot();
        for pair in snapshot.timeline.windows(2) {
            assert!(pair[0].at <= pair[1].at && pair[0].sequence < pair[1].sequence);
            assert!(pair[0].status <= pair[1].status);
        }
    }
}

fn assert_step(before: &Snapshot, after: &Snapshot, outcome: Outcome) {
    assert!(before.status() <= after.status(), "the status moves forward");
    assert_eq!(after.version, before.version.next());
    if before.status().is_end() && before.status() == after.status() {
        assert_eq!(before.estimated_delivery_at(), after.estimated_delivery_at(), "an end state is final");
        assert_eq!(before.final_recipient_amount(), after.final_recipient_amount());
        assert_eq!(before.fees_paid_usd(), after.fees_paid_usd());
    }
    if after.status() == Status::Failed {
        assert_eq!(after.estimated_delivery_at(), None);
    } else {
        assert!(after.estimated_delivery_at().is_some());
    }
    assert!(!after.late() || !after.status().is_end());
    assert_eq!(after.failure().is_some(), after.status() == Status::Failed);
    assert!(!after.funds().safe_to_retry || after.status() == Status::Failed);
    match outcome {
        Outcome::Refused(refusal) => assert_eq!(after.attention, Some(refusal)),
        Outcome::Applied | Outcome::Unchanged(_) => assert_eq!(after.attention, before.attention),
    }
}

fn report(input: &mut Input<'_>, now: i64) -> Report {
    let key = ReportKey {
        source: format!("watcher/{}", input.up_to(2)).into(),
        id: input.up_to(60).to_string().into(),
    };
    // Most reports are from the last minutes, some from the distant past or future.
    let seconds = match input.up_to(15) {
        0 => -1_000_000,
        1 => now + 1_000_000,
        minutes => now - i64::from(minutes) * 60,
    };
    let kind = match input.up_to(9) {
        0..=3 => ReportKind::Broadcast(BroadcastReport {
            transaction: transaction(input),
            leg: [None, Some(Leg::Source), Some(Leg::Bridge), Some(Leg::Destination)]
                [usize::from(input.up_to(3))],
            estimated_seconds: self::seconds(input),
        }),
        4..=7 => ReportKind::Progress(ProgressReport {
            network: network(input),
            tx_hash: input.flag().then(|| hash(input)),
            confirmations: input.flag().then(|| u32::from(input.byte())),
            required_confirmations: input.flag().then(|| u32::from(input.byte())),
            estimated_seconds: self::seconds(input),
            replaced_by: input.flag().then(|| hash(input)),
        }),
        8 => ReportKind::Delivered(DeliveredReport {
            transaction: transaction(input),
            recipient_amount: input.flag().then(|| amount(&input.byte().to_string())),
            fees_paid_usd: input.flag().then(|| Usd(amount(&input.byte().to_string()))),
            confirmations: None,
        }),
        _ => ReportKind::Failed(FailedReport {
            code: "dropped".into(),
            message: "It was dropped.".into(),
            network: input.flag().then(|| network(input)),
            tx_hash: input.flag().then(|| hash(input)),
            funds: [
                None,
                Some(FailedFunds::NotSent),
                Some(FailedFunds::Returned),
                Some(FailedFunds::Unknown),
            ][usize::from(input.up_to(3))],
            reversal: input.flag(),
        }),
    };
    Report { key, time: at(seconds), kind }
}

fn hash(input: &mut Input<'_>) -> TxHash {
    TxHash::new(&format!("0x{:02x}", input.up_to(5)))
}

fn network(input: &mut Input<'_>) -> Network {
    Network::new(if input.flag() { "tron" } else { "ethereum" })
}

fn transaction(input: &mut Input<'_>) -> Transaction {
    Transaction { network: network(input), tx_hash: hash(input) }
}

fn seconds(input: &mut Input<'_>) -> Option<u32> {
    match input.up_to(20) {
        0..=4 => None,
        20 => Some(u32::MAX),
        minutes => Some(u32::from(minutes) * 60),
    }
}
