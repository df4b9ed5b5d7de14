//! Properties of a payout that hold after any reports in any order.

mod arbitrary;

use std::sync::Arc;

use arbitrary::Input;
use payoutd_actors::testing::sample::{self, at};
use payoutd_domain::{
    Cause, Decision, Entry, Event, Outcome, Payout, Snapshot, Status, Timestamp, Unchanged,
};
use proptest::prelude::*;

/// A payout and its journal.
struct JournaledPayout {
    payout: Payout,
    entries: Vec<Entry>,
    now: i64,
}

/// The effect of one input.
struct Step {
    before: Snapshot,
    after: Snapshot,
    outcome: Option<Outcome>,
    events: Vec<Event>,
    now: Timestamp,
}

impl JournaledPayout {
    fn new() -> Self {
        Self { payout: Payout::new(Arc::new(sample::payout(1))), entries: Vec::new(), now: 0 }
    }

    fn process(&mut self, input: &Input) -> Step {
        let before = self.payout.snapshot();
        let (Input::Report { after, .. } | Input::DuePassed { after }) = input;
        self.now += i64::from(*after);
        let now = at(self.now);
        let (cause, decide) = match input {
            Input::Report { report, .. } => {
                (Cause::Report(report.clone()), Some(self.payout.decide(report, now)))
            }
            Input::DuePassed { .. } => {
                let late = self.payout.decide_due(now);
                (Cause::DuePassed, late.map(|event| Decision::Apply(vec![event])))
            }
        };
        let mut step = Step { before, after: self.payout.snapshot(), outcome: None, events: vec![], now };
        let Some(decision) = decide else { return step };
        step.outcome = Some(Outcome::from(&decision));
        // A repeat is not recorded again.
        if decision != Decision::Unchanged(Unchanged::Repeat) {
            let entry = self.payout.entry(cause, decision, now);
            let changes = self.payout.apply(&entry).expect("a decided event can be applied");
            assert_eq!(changes.len(), entry.events.len(), "one change per event");
            for (n, change) in (1..).zip(&changes) {
                assert_eq!(
                    change.snapshot.sequence.0,
                    step.before.sequence.0 + n,
                    "the sequence increases by one per change"
                );
            }
            step.events.clone_from(&entry.events);
            self.entries.push(entry);
        }
        step.after = self.payout.snapshot();
        step
    }
}

fn steps(inputs: &[Input]) -> (JournaledPayout, Vec<Step>) {
    let mut journaled = JournaledPayout::new();
    let steps = inputs.iter().map(|input| journaled.process(input)).collect();
    (journaled, steps)
}

fn settings() -> ProptestConfig {
    ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn the_status_never_goes_back(inputs in arbitrary::inputs(40)) {
        for step in steps(&inputs).1 {
            prop_assert!(step.before.status() <= step.after.status());
        }
    }

    #[test]
    fn the_sequence_rises_once_per_event_and_the_version_once_per_entry(inputs in arbitrary::inputs(40)) {
        let (journaled, steps) = steps(&inputs);
        for step in &steps {
            let events = i64::try_from(step.events.len()).unwrap();
            prop_assert_eq!(step.after.sequence.0, step.before.sequence.0 + events);
            prop_assert_eq!(events > 0, step.outcome == Some(Outcome::Applied));
        }
        prop_assert_eq!(journaled.payout.version().0, 1 + i64::try_from(journaled.entries.len()).unwrap());
    }

    #[test]
    fn the_timeline_never_runs_backwards(inputs in arbitrary::inputs(40)) {
        let timeline = steps(&inputs).0.payout.snapshot().timeline;
        prop_assert_eq!(timeline[0].status, Status::Pending);
        prop_assert_eq!(timeline[0].sequence.0, 1);
        for pair in timeline.windows(2) {
            prop_assert!(pair[0].at <= pair[1].at);
            prop_assert!(pair[0].sequence < pair[1].sequence);
            prop_assert!(pair[0].status <= pair[1].status);
        }
    }

    #[test]
    fn a_delivery_is_always_preceded_by_a_broadcast(inputs in arbitrary::inputs(40)) {
        let timeline = steps(&inputs).0.payout.snapshot().timeline;
        let first = |status| timeline.iter().position(|entry| entry.status == status);
        if let Some(delivered) = first(Status::Delivered) {
            prop_assert!(first(Status::Broadcast).is_some_and(|broadcast| broadcast < delivered));
        }
    }

    #[test]
    fn a_replayed_journal_gives_the_same_payout(inputs in arbitrary::inputs(40)) {
        let (journaled, _) = steps(&inputs);
        let text = serde_json::to_string(&journaled.entries).unwrap();
        let entries: Vec<Entry> = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&entries, &journaled.entries);
        let replayed = Payout::replay(Arc::clone(journaled.payout.created()), &entries).unwrap();
        prop_assert_eq!(replayed.snapshot(), journaled.payout.snapshot());
        prop_assert_eq!(replayed, journaled.payout);
    }

    #[test]
    fn a_journal_with_a_missing_or_repeated_entry_cannot_be_replayed(inputs in arbitrary::inputs(40), at in any::<prop::sample::Index>()) {
        let (journaled, _) = steps(&inputs);
        prop_assume!(journaled.entries.len() > 1);
        let created = journaled.payout.created();
        let at = at.index(journaled.entries.len() - 1);
        let mut missing = journaled.entries.clone();
        missing.remove(at);
        prop_assert!(Payout::replay(Arc::clone(created), &missing).is_err());
        let mut repeated = journaled.entries.clone();
        repeated.insert(at, journaled.entries[at].clone());
        prop_assert!(Payout::replay(Arc::clone(created), &repeated).is_err());
    }

    #[test]
    fn a_repeated_report_changes_nothing(inputs in arbitrary::inputs(30), index in any::<prop::sample::Index>()) {
        let (mut journaled, _) = steps(&inputs);
        prop_assume!(!inputs.is_empty());
        if let Input::Report { report, .. } = &inputs[index.index(inputs.len())] {
            let before = journaled.payout.snapshot();
            let step = journaled.process(&Input::Report { after: 5, report: report.clone() });
            prop_assert_eq!(step.outcome, Some(Outcome::Unchanged(Unchanged::Repeat)));
            prop_assert_eq!(journaled.payout.snapshot(), before);
        }
    }

    #[test]
    fn only_a_refusal_sets_attention_and_nothing_clears_it(inputs in arbitrary::inputs(60)) {
        for step in steps(&inputs).1 {
            if let Some(Outcome::Refused(refusal)) = step.outcome {
                prop_assert_eq!(step.after.attention, Some(refusal));
                prop_assert_eq!(step.after.sequence, step.before.sequence, "a refusal is no change for partners");
            } else {
                prop_assert_eq!(step.after.attention, step.before.attention);
            }
        }
    }

    #[test]
    fn the_estimate_does_not_change_in_an_end_state(inputs in arbitrary::inputs(60)) {
        for step in steps(&inputs).1 {
            if step.before.status().is_end() && step.before.status() == step.after.status() {
                prop_assert_eq!(step.before.estimated_delivery_at(), step.after.estimated_delivery_at());
                prop_assert_eq!(step.before.final_recipient_amount(), step.after.final_recipient_amount());
                prop_assert_eq!(step.before.fees_paid_usd(), step.after.fees_paid_usd());
            }
            if step.after.status() == Status::Failed {
                prop_assert_eq!(step.after.estimated_delivery_at(), None);
            }
        }
    }

    #[test]
    fn only_a_failed_payout_is_safe_to_retry(inputs in arbitrary::inputs(60)) {
        for step in steps(&inputs).1 {
            let funds = step.after.funds();
            prop_assert!(!funds.safe_to_retry || step.after.status() == Status::Failed);
            prop_assert_eq!(step.after.failure().is_some(), step.after.status() == Status::Failed);
        }
    }

    #[test]
    fn lateness_is_recorded_only_after_the_estimate_and_before_an_end_state(inputs in arbitrary::inputs(60)) {
        for step in steps(&inputs).1 {
            prop_assert!(!step.after.late() || !step.after.status().is_end());
            if step.after.late() {
                prop_assert!(step.after.estimated_delivery_at().is_some_and(|at| at <= step.now));
            }
            let late_events = step.events.iter().filter(|event| matches!(event, Event::Late)).count();
            prop_assert_eq!(late_events, usize::from(!step.before.late() && step.after.late()));
            if step.outcome == Some(Outcome::Applied) && late_events == 1 {
                prop_assert!(!step.before.late());
            }
        }
    }

    #[test]
    fn the_progress_report_with_the_newest_time_wins_in_any_order(
        mut estimates in prop::collection::btree_map(0..2_000i64, 0..900u32, 1..12),
        order in any::<u64>(),
        broadcast_first in any::<bool>(),
    ) {
        let (newest, seconds) = estimates.pop_last().unwrap();
        estimates.insert(newest, seconds);
        let mut reports: Vec<_> = estimates.into_iter().collect();
        let mut random = payoutd_actors::testing::Random::new(order);
        for n in (1..reports.len()).rev() {
            reports.swap(n, usize::try_from(random.below(n as u64 + 1)).unwrap());
        }
        let mut journaled = JournaledPayout::new();
        journaled.now = 2_000;
        if broadcast_first {
            let kind = sample::broadcast("0xaa", Some(5));
            journaled.process(&Input::Report { after: 0, report: sample::report("broadcast", -1, kind) });
        }
        for (time, seconds) in reports {
            let report = sample::report(&time.to_string(), time, sample::progress(Some(seconds)));
            journaled.process(&Input::Report { after: 0, report });
        }
        let expected = at(newest).plus_seconds(seconds);
        prop_assert_eq!(journaled.payout.snapshot().estimated_delivery_at(), Some(expected));
    }
}
