//! What is true of a payout whatever is reported about it, in whatever order.

mod arbitrary;

use std::sync::Arc;

use arbitrary::Input;
use payoutd_actors::testing::sample::{self, at};
use payoutd_domain::{
    Cause, Decision, Entry, Event, Outcome, Payout, Snapshot, Status, Timestamp, Unchanged,
};
use proptest::prelude::*;

/// A payout with its journal, kept as the actor keeps it.
struct Kept {
    payout: Payout,
    entries: Vec<Entry>,
    now: i64,
}

/// One input's consequences.
struct Step {
    before: Snapshot,
    after: Snapshot,
    outcome: Option<Outcome>,
    events: Vec<Event>,
    now: Timestamp,
}

impl Kept {
    fn new() -> Self {
        Self { payout: Payout::new(Arc::new(sample::payout(1))), entries: Vec::new(), now: 0 }
    }

    fn take(&mut self, input: &Input) -> Step {
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
        // The memory of repeats is the journal itself: a repeat is not recorded twice.
        if decision != Decision::Unchanged(Unchanged::Repeat) {
            let entry = self.payout.entry(cause, decision, now);
            let changes = self.payout.apply(&entry).expect("what was decided can be applied");
            assert_eq!(changes.len(), entry.events.len(), "one announcement per event");
            for (n, change) in (1..).zip(&changes) {
                assert_eq!(change.snapshot.sequence.0, step.before.sequence.0 + n, "in order, without a gap");
            }
            step.events.clone_from(&entry.events);
            self.entries.push(entry);
        }
        step.after = self.payout.snapshot();
        step
    }
}

fn steps(inputs: &[Input]) -> (Kept, Vec<Step>) {
    let mut kept = Kept::new();
    let steps = inputs.iter().map(|input| kept.take(input)).collect();
    (kept, steps)
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
        let (kept, steps) = steps(&inputs);
        for step in &steps {
            let events = i64::try_from(step.events.len()).unwrap();
            prop_assert_eq!(step.after.sequence.0, step.before.sequence.0 + events);
            prop_assert_eq!(events > 0, step.outcome == Some(Outcome::Applied));
        }
        prop_assert_eq!(kept.payout.version().0, 1 + i64::try_from(kept.entries.len()).unwrap());
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
    fn the_road_leads_through_broadcast(inputs in arbitrary::inputs(40)) {
        let timeline = steps(&inputs).0.payout.snapshot().timeline;
        let first = |status| timeline.iter().position(|entry| entry.status == status);
        if let Some(delivered) = first(Status::Delivered) {
            prop_assert!(first(Status::Broadcast).is_some_and(|broadcast| broadcast < delivered));
        }
    }

    #[test]
    fn the_journal_tells_the_same_payout(inputs in arbitrary::inputs(40)) {
        let (kept, _) = steps(&inputs);
        let text = serde_json::to_string(&kept.entries).unwrap();
        let entries: Vec<Entry> = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&entries, &kept.entries);
        let replayed = Payout::replay(Arc::clone(kept.payout.created()), &entries).unwrap();
        prop_assert_eq!(replayed.snapshot(), kept.payout.snapshot());
        prop_assert_eq!(replayed, kept.payout);
    }

    #[test]
    fn a_journal_with_a_hole_or_a_repeat_is_found_out(inputs in arbitrary::inputs(40), at in any::<prop::sample::Index>()) {
        let (kept, _) = steps(&inputs);
        prop_assume!(kept.entries.len() > 1);
        let created = kept.payout.created();
        let at = at.index(kept.entries.len() - 1);
        let mut hole = kept.entries.clone();
        hole.remove(at);
        prop_assert!(Payout::replay(Arc::clone(created), &hole).is_err());
        let mut twice = kept.entries.clone();
        twice.insert(at, kept.entries[at].clone());
        prop_assert!(Payout::replay(Arc::clone(created), &twice).is_err());
    }

    #[test]
    fn a_report_told_twice_is_told_once(inputs in arbitrary::inputs(30), again in any::<prop::sample::Index>()) {
        let (mut kept, _) = steps(&inputs);
        prop_assume!(!inputs.is_empty());
        if let Input::Report { report, .. } = &inputs[again.index(inputs.len())] {
            let before = kept.payout.snapshot();
            let step = kept.take(&Input::Report { after: 5, report: report.clone() });
            prop_assert_eq!(step.outcome, Some(Outcome::Unchanged(Unchanged::Repeat)));
            prop_assert_eq!(kept.payout.snapshot(), before);
        }
    }

    #[test]
    fn attention_comes_with_refusals_only_and_stays(inputs in arbitrary::inputs(60)) {
        for step in steps(&inputs).1 {
            if let Some(Outcome::Refused(refusal)) = step.outcome {
                prop_assert_eq!(step.after.attention, Some(refusal));
                prop_assert_eq!(step.after.sequence, step.before.sequence, "partners see nothing of it");
            } else {
                prop_assert_eq!(step.after.attention, step.before.attention);
            }
        }
    }

    #[test]
    fn the_estimate_never_changes_after_an_end(inputs in arbitrary::inputs(60)) {
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
    fn only_an_end_by_failure_is_ever_safe_to_retry(inputs in arbitrary::inputs(60)) {
        for step in steps(&inputs).1 {
            let funds = step.after.funds();
            prop_assert!(!funds.safe_to_retry || step.after.status() == Status::Failed);
            prop_assert_eq!(step.after.failure().is_some(), step.after.status() == Status::Failed);
        }
    }

    #[test]
    fn late_is_committed_when_the_time_has_passed_and_never_after_an_end(inputs in arbitrary::inputs(60)) {
        for step in steps(&inputs).1 {
            prop_assert!(!step.after.late() || !step.after.status().is_end());
            if step.after.late() {
                prop_assert!(step.after.estimated_delivery_at().is_some_and(|at| at <= step.now));
            }
            let became = step.events.iter().filter(|event| matches!(event, Event::Late)).count();
            prop_assert_eq!(became, usize::from(!step.before.late() && step.after.late()));
            // Who asks again at the same moment hears nothing new.
            if step.outcome == Some(Outcome::Applied) && became == 1 {
                prop_assert!(!step.before.late());
            }
        }
    }

    #[test]
    fn the_newest_progress_by_time_wins_in_whatever_order(
        mut heard in prop::collection::btree_map(0..2_000i64, 0..900u32, 1..12),
        order in any::<u64>(),
        out in any::<bool>(),
    ) {
        let (newest, seconds) = heard.pop_last().unwrap();
        heard.insert(newest, seconds);
        let mut reports: Vec<_> = heard.into_iter().collect();
        let mut random = payoutd_actors::testing::Random::new(order);
        for n in (1..reports.len()).rev() {
            reports.swap(n, usize::try_from(random.below(n as u64 + 1)).unwrap());
        }
        let mut kept = Kept::new();
        kept.now = 2_000;
        if out {
            let kind = sample::broadcast("0xaa", Some(5));
            kept.take(&Input::Report { after: 0, report: sample::report("out", -1, kind) });
        }
        for (time, seconds) in reports {
            let report = sample::report(&time.to_string(), time, sample::progress(Some(seconds)));
            kept.take(&Input::Report { after: 0, report });
        }
        let expected = at(newest).plus_seconds(seconds);
        prop_assert_eq!(kept.payout.snapshot().estimated_delivery_at(), Some(expected));
    }
}
