//! The public contract, section 3, written down once more in the simplest way there is, and run side by side with the
//! real state machine. The model shares no code with it: strings, plain vectors and nothing clever.

mod arbitrary;

use std::sync::Arc;

use arbitrary::Input;
use payoutd_actors::testing::sample::{self, at};
use payoutd_domain::{
    Cause, Decision, DeliveredReport, FailedFunds, FailedReport, Outcome, Payout, ProgressReport, Report,
    ReportKind, Snapshot, Unchanged,
};
use proptest::prelude::*;

const SECOND: i64 = 1_000_000;

/// One line of the timeline: sequence, status, microseconds, hash, inferred.
type Line = (i64, &'static str, i64, Option<String>, bool);

/// Everything a partner or an operator can see, in plain values.
#[derive(Debug, Clone, PartialEq)]
struct View {
    status: &'static str,
    sequence: i64,
    estimate: Option<i64>,
    late: bool,
    attention: bool,
    timeline: Vec<Line>,
    funds: (&'static str, bool),
    fees_paid: String,
    recipient_amount: String,
    failure: Option<String>,
}

struct Model {
    view: View,
    /// Every estimate heard of: the report's time, the delivery it names.
    heard: Vec<(i64, i64)>,
    /// The transactions known, and the one that delivered.
    hashes: Vec<String>,
    delivered_by: String,
    /// Every report recorded.
    seen: Vec<(String, String)>,
}

impl Model {
    fn new() -> Self {
        let created = at(0).micros();
        let estimate = created + i64::from(sample::ROUTE_SECONDS) * SECOND;
        let view = View {
            status: "pending",
            sequence: 1,
            estimate: Some(estimate),
            late: false,
            attention: false,
            timeline: vec![(1, "pending", created, None, false)],
            funds: ("sender", false),
            fees_paid: "1.50".into(),
            recipient_amount: "100".into(),
            failure: None,
        };
        let heard = vec![(i64::MIN, estimate)];
        Self { view, heard, hashes: vec![], delivered_by: String::new(), seen: vec![] }
    }

    fn due_passed(&mut self, now: i64) {
        let ended = self.view.status == "delivered" || self.view.status == "failed";
        if !ended && !self.view.late && self.view.estimate.is_some_and(|estimate| estimate <= now) {
            self.view.late = true;
            self.view.sequence += 1;
        }
    }

    fn report(&mut self, report: &Report, now: i64) -> &'static str {
        let key = (report.key.source.to_string(), report.key.id.to_string());
        if self.seen.contains(&key) {
            return "unchanged";
        }
        self.seen.push(key);
        let told = report.time.micros();
        // A clock far ahead would win for ever.
        let time = if told > now + 300 * SECOND { now } else { told };
        let outcome = match &report.kind {
            ReportKind::Broadcast(seen) => {
                let hash = seen.transaction.tx_hash.as_str();
                self.broadcast(hash, seen.estimated_seconds, time, now)
            }
            ReportKind::Progress(seen) => self.progress(seen, time, now),
            ReportKind::Delivered(seen) => self.delivered(seen, time),
            ReportKind::Failed(seen) => self.failed(seen, time),
        };
        self.view.attention |= outcome == "refused";
        outcome
    }

    fn broadcast(&mut self, hash: &str, seconds: Option<u32>, time: i64, now: i64) -> &'static str {
        let known = self.hashes.iter().any(|known| known == hash);
        match self.view.status {
            "delivered" => return "unchanged",
            "failed" => return "refused",
            "broadcast" if known => return "unchanged",
            _ => {}
        }
        self.hashes.push(hash.into());
        self.view.funds = ("in_transit", false);
        self.change("broadcast", time, Some(hash), false);
        self.hear(Some(seconds.unwrap_or(sample::SECONDS_AFTER_BROADCAST)), time, now);
        "applied"
    }

    fn progress(&mut self, seen: &ProgressReport, time: i64, now: i64) -> &'static str {
        let whole_way = match self.view.status {
            "pending" => sample::ROUTE_SECONDS,
            "broadcast" => sample::SECONDS_AFTER_BROADCAST,
            _ => return "unchanged",
        };
        let by_confirmations = match (seen.confirmations, seen.required_confirmations) {
            (Some(_), None | Some(0)) | (None, _) => None,
            (Some(have), Some(need)) => {
                let share = f64::from(need.saturating_sub(have)) / f64::from(need);
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few hundred")]
                Some((f64::from(whole_way) * share - 1e-6).ceil().max(0.0) as u32)
            }
        };
        let before = self.view.estimate;
        let replaced = seen.replaced_by.as_ref().map(|hash| hash.as_str().to_owned());
        let new = replaced.filter(|hash| self.view.status == "broadcast" && !self.hashes.contains(hash));
        let replaced = new.is_some();
        if let Some(hash) = new {
            self.change("broadcast", time, Some(&hash), false);
            self.hashes.push(hash);
        }
        self.hear(seen.estimated_seconds.or(by_confirmations), time, now);
        if replaced {
            return "applied";
        }
        if self.view.estimate == before {
            return "unchanged";
        }
        self.view.sequence += 1;
        "applied"
    }

    fn delivered(&mut self, seen: &DeliveredReport, time: i64) -> &'static str {
        let hash = seen.transaction.tx_hash.as_str();
        match self.view.status {
            "failed" => return "refused",
            "delivered" if self.delivered_by == hash => return "unchanged",
            "delivered" => return "refused",
            "pending" => self.change("broadcast", time, Some(hash), true),
            _ => {}
        }
        self.change("delivered", time, Some(hash), false);
        self.delivered_by = hash.into();
        self.view.estimate = self.view.timeline.last().map(|line| line.2);
        self.view.late = false;
        self.view.funds = ("recipient", false);
        if let Some(fees) = seen.fees_paid_usd {
            self.view.fees_paid = fees.to_string();
        }
        if let Some(amount) = seen.recipient_amount {
            self.view.recipient_amount = amount.to_string();
        }
        "applied"
    }

    fn failed(&mut self, seen: &FailedReport, time: i64) -> &'static str {
        match self.view.status {
            "failed" => return "unchanged",
            "delivered" if !seen.reversal => return "refused",
            _ => {}
        }
        self.change("failed", time, seen.tx_hash.as_ref().map(|hash| hash.as_str()), false);
        self.view.estimate = None;
        self.view.late = false;
        self.view.failure = Some(seen.code.to_string());
        self.view.funds = match seen.funds {
            Some(FailedFunds::NotSent) => ("sender", true),
            Some(FailedFunds::Returned) => ("returned", true),
            Some(FailedFunds::Unknown) | None => ("unknown", false),
        };
        "applied"
    }

    fn change(&mut self, status: &'static str, time: i64, hash: Option<&str>, inferred: bool) {
        self.view.status = status;
        self.view.sequence += 1;
        let last = self.view.timeline.last().map_or(time, |line| line.2);
        let line = (self.view.sequence, status, time.max(last), hash.map(str::to_owned), inferred);
        self.view.timeline.push(line);
    }

    /// The newest by time wins; of two of one time, the one that came last.
    fn hear(&mut self, seconds: Option<u32>, time: i64, now: i64) {
        let Some(seconds) = seconds else { return };
        self.heard.push((time, time + i64::from(seconds) * SECOND));
        let winner = self.heard.iter().max_by_key(|heard| heard.0).map(|heard| heard.1);
        if self.view.estimate != winner {
            self.view.estimate = winner;
            self.view.late &= winner.is_some_and(|estimate| estimate <= now);
        }
    }
}

/// What the real payout shows, in the model's words.
fn view(snapshot: &Snapshot) -> View {
    let line = |entry: &payoutd_domain::TimelineEntry| {
        let hash = entry.tx_hash.as_ref().map(ToString::to_string);
        (entry.sequence.0, entry.status.as_str(), entry.at.micros(), hash, entry.inferred)
    };
    let funds = serde_json::to_value(snapshot.funds()).expect("funds");
    let locations = ["sender", "in_transit", "recipient", "returned", "unknown"];
    let location = locations.into_iter().find(|word| funds["location"] == **word).expect("a location");
    View {
        status: snapshot.status().as_str(),
        sequence: snapshot.sequence.0,
        estimate: snapshot.estimated_delivery_at().map(|at| at.micros()),
        late: snapshot.late(),
        attention: snapshot.attention.is_some(),
        timeline: snapshot.timeline.iter().map(line).collect(),
        funds: (location, snapshot.funds().safe_to_retry),
        fees_paid: snapshot.fees_paid_usd().to_string(),
        recipient_amount: snapshot.final_recipient_amount().to_string(),
        failure: snapshot.failure().map(|failure| failure.code.to_string()),
    }
}

fn decide_and_apply(payout: &mut Payout, cause: Cause, decision: Decision, now: i64) -> &'static str {
    let outcome = Outcome::from(&decision);
    if decision != Decision::Unchanged(Unchanged::Repeat) {
        let entry = payout.entry(cause, decision, at(now));
        payout.apply(&entry).expect("what was decided can be applied");
    }
    outcome.name()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_machine_does_what_the_model_does(inputs in arbitrary::inputs(50)) {
        let (mut model, mut payout) = (Model::new(), Payout::new(Arc::new(sample::payout(1))));
        let mut now = 0;
        for input in inputs {
            match &input {
                Input::Report { after, report } => {
                    now += i64::from(*after);
                    let decision = payout.decide(report, at(now));
                    let cause = Cause::Report(report.clone());
                    let outcome = decide_and_apply(&mut payout, cause, decision, now);
                    prop_assert_eq!(model.report(report, at(now).micros()), outcome, "{:?}", input);
                }
                Input::DuePassed { after } => {
                    now += i64::from(*after);
                    model.due_passed(at(now).micros());
                    if let Some(event) = payout.decide_due(at(now)) {
                        decide_and_apply(&mut payout, Cause::DuePassed, Decision::Apply(vec![event]), now);
                    }
                }
            }
            prop_assert_eq!(&model.view, &view(&payout.snapshot()), "{:?}", input);
        }
    }
}
