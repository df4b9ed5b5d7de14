//! The intake and the parked-report worker, with actors over a journal in memory.

mod fake_parking;

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use payoutd_actors::testing::{
    Call, Fault, FaultPlan, Gate, ManualClock, MemoryJournal, TestSystem, sample, start_test_system,
    test_config,
};
use payoutd_domain::{Mode, Outcome, PayoutId, Report, Status, Timestamp, Unchanged};

use super::*;
use crate::runtime::shutdown::shutdown_signal;
use fake_parking::FakeParking;

struct Fixture {
    journal: MemoryJournal,
    clock: ManualClock,
    started: TestSystem,
    parking: FakeParking,
    intake: Arc<ReportIntake>,
    worker: ParkedReportWorker,
}

async fn fixture() -> Fixture {
    let journal = MemoryJournal::new(FaultPlan::default());
    let clock = ManualClock::at(sample::at(60));
    let started = start_test_system(&journal, &clock, test_config()).await;
    let parking = FakeParking {
        journal: journal.clone(),
        parked: Arc::default(),
        dead_letters: Arc::default(),
        store_down: Arc::default(),
        dead_letters_down: Arc::default(),
        before_parking: Arc::default(),
    };
    let config = ReportIntakeConfig { park_for: Duration::from_secs(600), ..ReportIntakeConfig::default() };
    let intake = Arc::new(ReportIntake::new(started.payouts.clone(), Arc::new(parking.clone()), config));
    let worker = ParkedReportWorker::new(
        started.payouts.clone(),
        Arc::new(parking.clone()),
        Arc::new(parking.clone()),
        ParkedReportWorkerConfig::default(),
    );
    Fixture { journal, clock, started, parking, intake, worker }
}

impl Fixture {
    async fn create(&self, number: u64) {
        self.started.payouts.create(sample::payout(number), None).await.unwrap();
    }

    async fn process(&self, number: u64, report: &Report) -> Disposition {
        process(&self.intake, number, report).await
    }

    fn status(&self, number: u64) -> Status {
        self.journal.row(sample::id(number)).unwrap().status()
    }
}

async fn process(intake: &ReportIntake, number: u64, report: &Report) -> Disposition {
    let (payout, body) = (sample::id(number), report_message(sample::id(number), report));
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let incoming = Incoming {
        routing_key: &payout.to_string(),
        content_type: Some(CONTENT_TYPE),
        headers: &[("traceparent".to_owned(), traceparent.to_owned())],
        body: body.as_bytes(),
        received_at: intake.now(),
    };
    intake.process(&incoming).await
}

fn broadcast(id: &str) -> Report {
    sample::report(id, 30, sample::broadcast("0xab", None))
}

fn outcome(disposition: &Disposition) -> Option<Outcome> {
    match disposition {
        Disposition::Acknowledge(Acknowledged::Recorded(receipt)) => Some(receipt.outcome),
        Disposition::Acknowledge(Acknowledged::Parked)
        | Disposition::DeadLetter { .. }
        | Disposition::TryLater(_) => None,
    }
}

const PARKED: Disposition = Disposition::Acknowledge(Acknowledged::Parked);

#[tokio::test]
async fn a_report_is_recorded_once_with_its_trace_context() {
    let fixture = fixture().await;
    fixture.create(1).await;
    assert_eq!(outcome(&fixture.process(1, &broadcast("r1")).await), Some(Outcome::Applied));
    assert_eq!(
        outcome(&fixture.process(1, &broadcast("r1")).await),
        Some(Outcome::Unchanged(Unchanged::Repeat))
    );
    assert_eq!(fixture.status(1), Status::Broadcast);
    assert!(fixture.journal.outbox()[1].traceparent.is_some());
    fixture.journal.assert_consistent();
}

#[tokio::test]
async fn reports_on_sandbox_payouts_and_unreadable_messages_are_dead_lettered() {
    let fixture = fixture().await;
    let sandbox = sample::in_mode(sample::payout(1), Mode::Test);
    fixture.started.payouts.create(sandbox, None).await.unwrap();
    let reason = |disposition| match disposition {
        Disposition::DeadLetter { reason, .. } => Some(reason),
        Disposition::Acknowledge(_) | Disposition::TryLater(_) => None,
    };
    assert_eq!(reason(fixture.process(1, &broadcast("r1")).await), Some(DeadLetterReason::SandboxPayout));
    let nonsense = Incoming {
        routing_key: "",
        content_type: None,
        headers: &[],
        body: b"?",
        received_at: fixture.intake.now(),
    };
    assert_eq!(reason(fixture.intake.process(&nonsense).await), Some(DeadLetterReason::NotJson));
}

#[tokio::test]
async fn no_report_is_acknowledged_while_the_store_is_unavailable() {
    let fixture = fixture().await;
    fixture.create(1).await;
    fixture.journal.faults().always(Call::Append, None, Fault::Unavailable);
    assert!(matches!(fixture.process(1, &broadcast("r1")).await, Disposition::TryLater(_)));
    fixture.journal.faults().clear();
    assert_eq!(outcome(&fixture.process(1, &broadcast("r1")).await), Some(Outcome::Applied));

    fixture.parking.store_down.store(true, SeqCst);
    assert!(
        matches!(fixture.process(2, &broadcast("r2")).await, Disposition::TryLater(_)),
        "the report cannot be parked"
    );
}

#[tokio::test]
async fn a_report_that_arrives_before_its_payout_is_parked_and_recorded_later() {
    let fixture = fixture().await;
    assert_eq!(fixture.process(1, &broadcast("r1")).await, PARKED);
    assert_eq!(fixture.process(1, &broadcast("r1")).await, PARKED, "a repeat is parked once");
    assert_eq!(fixture.process(1, &sample::report("r2", 40, sample::delivered("0xcd"))).await, PARKED);
    assert_eq!(fixture.parking.reports().len(), 2);
    fixture.worker.round().await.unwrap();
    assert_eq!(fixture.parking.reports().len(), 2, "there is no payout yet");
    fixture.create(1).await;
    fixture.worker.round().await.unwrap();
    assert_eq!(fixture.parking.reports(), []);
    assert_eq!(fixture.status(1), Status::Delivered);
    let outcomes: Vec<_> = fixture.journal.entries(sample::id(1)).iter().map(|entry| entry.outcome).collect();
    assert_eq!(outcomes, [Outcome::Applied, Outcome::Applied], "in order of arrival");
    assert!(fixture.journal.outbox()[1].traceparent.is_some(), "with its own trace context");
}

#[tokio::test]
async fn a_report_is_recorded_at_once_if_its_payout_is_created_during_parking() {
    let fixture = fixture().await;
    let gate = Gate::closed();
    *fixture.parking.before_parking.lock().unwrap() = Some(gate.clone());
    let intake = Arc::clone(&fixture.intake);
    let processing = tokio::spawn(async move { process(&intake, 1, &broadcast("r1")).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    fixture.create(1).await;
    gate.open();
    assert_eq!(outcome(&processing.await.unwrap()), Some(Outcome::Applied));
    assert_eq!(fixture.parking.reports(), []);
}

#[tokio::test]
async fn an_expired_report_is_unparked_only_after_it_is_dead_lettered() {
    let fixture = fixture().await;
    assert_eq!(fixture.process(1, &broadcast("r1")).await, PARKED);
    fixture.clock.advance(Duration::from_secs(601));
    fixture.parking.dead_letters_down.store(true, SeqCst);
    assert!(fixture.worker.round().await.is_err());
    assert_eq!(fixture.parking.reports().len(), 1, "nothing is lost");
    fixture.parking.dead_letters_down.store(false, SeqCst);
    fixture.worker.round().await.unwrap();
    assert_eq!(fixture.parking.reports(), []);
    assert_eq!(fixture.parking.reasons(), [DeadLetterReason::UnknownPayout]);
    let dead_letter = fixture.parking.dead_letters.lock().unwrap()[0].clone();
    assert_eq!(dead_letter.routing_key, sample::id(1).to_string());
    let read = read_dead_letter(&dead_letter);
    assert_eq!(read, (sample::id(1), broadcast("r1")), "it can be replayed unchanged");
}

fn read_dead_letter(dead_letter: &DeadLetter) -> (PayoutId, Report) {
    let incoming = Incoming {
        routing_key: &dead_letter.routing_key,
        content_type: dead_letter.content_type.as_deref(),
        headers: &dead_letter.headers,
        body: &dead_letter.body,
        received_at: Timestamp::EPOCH,
    };
    read(&incoming, DEFAULT_MAX_BYTES).unwrap()
}

#[tokio::test]
async fn an_expired_report_whose_payout_exists_is_recorded() {
    let fixture = fixture().await;
    assert_eq!(fixture.process(1, &broadcast("r1")).await, PARKED);
    fixture.clock.advance(Duration::from_secs(601));
    fixture.create(1).await;
    fixture.worker.round().await.unwrap();
    assert_eq!((fixture.parking.reasons(), fixture.parking.reports()), (vec![], vec![]));
    assert_eq!(fixture.status(1), Status::Broadcast);
}

#[tokio::test]
async fn the_report_of_a_quarantined_payout_stays_parked_until_it_expires() {
    let fixture = fixture().await;
    fixture.create(1).await;
    // A second actor system over the same journal does not have the payout in memory, and loads it damaged.
    let id = sample::id(1);
    fixture.journal.faults().always(Call::Load, Some(id), Fault::CorruptJournal);
    let started = start_test_system(&fixture.journal, &fixture.clock, test_config()).await;
    let intake = ReportIntake::new(
        started.payouts.clone(),
        Arc::new(fixture.parking.clone()),
        ReportIntakeConfig::default(),
    );
    assert_eq!(process(&intake, 1, &broadcast("r1")).await, PARKED);
    let worker = ParkedReportWorker::new(
        started.payouts.clone(),
        Arc::new(fixture.parking.clone()),
        Arc::new(fixture.parking.clone()),
        ParkedReportWorkerConfig::default(),
    );
    worker.round().await.unwrap();
    assert_eq!(fixture.parking.reports().len(), 1, "it stays parked");
    fixture.clock.advance(Duration::from_secs(2 * 24 * 60 * 60));
    worker.round().await.unwrap();
    assert_eq!(fixture.parking.reasons(), [DeadLetterReason::Quarantined]);
    assert_eq!(fixture.parking.reports(), []);
}

#[tokio::test]
async fn a_payout_that_cannot_record_does_not_block_other_payouts() {
    let fixture = fixture().await;
    for number in [1, 2] {
        assert_eq!(fixture.process(number, &broadcast("r1")).await, PARKED);
    }
    for number in [1, 2] {
        fixture.create(number).await;
    }
    fixture.journal.faults().always(Call::Append, Some(sample::id(1)), Fault::Unavailable);
    fixture.clock.advance(Duration::from_secs(601));
    fixture.worker.round().await.unwrap();
    assert_eq!(fixture.status(2), Status::Broadcast);
    assert_eq!(fixture.parking.reports().len(), 1, "the other stays parked, although it has expired");
    assert_eq!(fixture.parking.reasons(), []);
    fixture.journal.faults().clear();
    fixture.worker.round().await.unwrap();
    assert_eq!((fixture.status(1), fixture.parking.reports()), (Status::Broadcast, vec![]));
}

#[tokio::test]
async fn the_worker_stops_when_a_shutdown_is_requested() {
    let fixture = fixture().await;
    let (trigger, shutdown) = shutdown_signal();
    let running = tokio::spawn(fixture.worker.run(shutdown));
    trigger.request();
    tokio::time::timeout(Duration::from_secs(5), running).await.unwrap().unwrap();
}
