//! A naive model of section 3 of the public contract, compared with the real state machine on random reports. The model
//! shares no code with the state machine and uses only strings and plain vectors.

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

/// What partners and operators see of a payout, in plain values.
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
    /// Every reported estimate: the time of the report, and the estimated delivery time.
    estimates: Vec<(i64, i64)>,
    /// The hashes of the known transactions.
    hashes: Vec<String>,
    /// The hash of the transaction that delivered.
    delivered_by: String,
    /// The source and id of every recorded report.
    recorded: Vec<(String, String)>,
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
        let estimates = vec![(i64::MIN, estimate)];
        Self { view, estimates, hashes: vec![], delivered_by: String::new(), recorded: vec![] }
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
        if self.recorded.contains(&key) {
            return "unchanged";
        }
        self.recorded.push(key);
        let reported = report.time.micros();
        // Otherwise a report of a clock far ahead would keep the newest estimate.
        let time = if reported > now + 300 * SECOND { now } else { reported };
        let outcome = match &report.kind {
            ReportKind::Broadcast(data) => {
                let hash = data.transaction.tx_hash.as_str();
                self.broadcast(hash, data.estimated_seconds, time, now)
            }
            ReportKind::Progress(data) => self.progress(data, time, now),
            ReportKind::Delivered(data) => self.delivered(data, time),
            ReportKind::Failed(data) => self.failed(data, time),
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
        self.record_estimate(Some(seconds.unwrap_or(sample::SECONDS_AFTER_BROADCAST)), time, now);
        "applied"
    }

    fn progress(&mut self, data: &ProgressReport, time: i64, now: i64) -> &'static str {
        let total_seconds = match self.view.status {
            "pending" => sample::ROUTE_SECONDS,
            "broadcast" => sample::SECONDS_AFTER_BROADCAST,
            _ => return "unchanged",
        };
        let by_confirmations = match (data.confirmations, data.required_confirmations) {
            (Some(_), None | Some(0)) | (None, _) => None,
            (Some(confirmed), Some(required)) => {
                let share = f64::from(required.saturating_sub(confirmed)) / f64::from(required);
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "the value is a few hundred"
                )]
                Some((f64::from(total_seconds) * share - 1e-6).ceil().max(0.0) as u32)
            }
        };
        let before = self.view.estimate;
        let replaced = data.replaced_by.as_ref().map(|hash| hash.as_str().to_owned());
        let new = replaced.filter(|hash| self.view.status == "broadcast" && !self.hashes.contains(hash));
        let replaced = new.is_some();
        if let Some(hash) = new {
            self.change("broadcast", time, Some(&hash), false);
            self.hashes.push(hash);
        }
        self.record_estimate(data.estimated_seconds.or(by_confirmations), time, now);
        if replaced {
            return "applied";
        }
        if self.view.estimate == before {
            return "unchanged";
        }
        self.view.sequence += 1;
        "applied"
    }

    fn delivered(&mut self, data: &DeliveredReport, time: i64) -> &'static str {
        let hash = data.transaction.tx_hash.as_str();
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
        if let Some(fees) = data.fees_paid_usd {
            self.view.fees_paid = fees.to_string();
        }
        if let Some(amount) = data.recipient_amount {
            self.view.recipient_amount = amount.to_string();
        }
        "applied"
    }

    fn failed(&mut self, data: &FailedReport, time: i64) -> &'static str {
        match self.view.status {
            "failed" => return "unchanged",
            "delivered" if !data.reversal => return "refused",
            _ => {}
        }
        self.change("failed", time, data.tx_hash.as_ref().map(|hash| hash.as_str()), false);
        self.view.estimate = None;
        self.view.late = false;
        self.view.failure = Some(data.code.to_string());
        self.view.funds = match data.funds {
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

    /// The estimate of the newest report wins. Of two reports with the same time, the one received last wins.
    fn record_estimate(&mut self, seconds: Option<u32>, time: i64, now: i64) {
        let Some(seconds) = seconds else { return };
        self.estimates.push((time, time + i64::from(seconds) * SECOND));
        let newest = self.estimates.iter().max_by_key(|estimate| estimate.0).map(|estimate| estimate.1);
        if self.view.estimate != newest {
            self.view.estimate = newest;
            self.view.late &= newest.is_some_and(|estimate| estimate <= now);
        }
    }
}

/// The view of the real payout.
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
        payout.apply(&entry).expect("a decided event can be applied");
    }
    outcome.name()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_state_machine_equals_the_model(inputs in arbitrary::inputs(50)) {
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
