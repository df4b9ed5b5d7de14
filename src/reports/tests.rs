//! The desk and the attendant, before real payouts over a memory journal.

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
use fake_parking::Yard;

struct Bench {
    journal: MemoryJournal,
    clock: ManualClock,
    started: TestSystem,
    yard: Yard,
    desk: Arc<ReportIntake>,
    attendant: ParkedReportWorker,
}

async fn bench() -> Bench {
    let journal = MemoryJournal::new(FaultPlan::default());
    let clock = ManualClock::at(sample::at(60));
    let started = start_test_system(&journal, &clock, test_config()).await;
    let yard = Yard {
        journal: journal.clone(),
        parked: Arc::default(),
        letters: Arc::default(),
        lot_down: Arc::default(),
        letters_down: Arc::default(),
        before_parking: Arc::default(),
    };
    let config = ReportIntakeConfig { park_for: Duration::from_secs(600), ..ReportIntakeConfig::default() };
    let desk = Arc::new(ReportIntake::new(started.payouts.clone(), Arc::new(yard.clone()), config));
    let attendant = ParkedReportWorker::new(
        started.payouts.clone(),
        Arc::new(yard.clone()),
        Arc::new(yard.clone()),
        ParkedReportWorkerConfig::default(),
    );
    Bench { journal, clock, started, yard, desk, attendant }
}

impl Bench {
    async fn create(&self, number: u64) {
        self.started.payouts.create(sample::payout(number), None).await.unwrap();
    }

    async fn take(&self, number: u64, report: &Report) -> Disposition {
        take(&self.desk, number, report).await
    }

    fn status(&self, number: u64) -> Status {
        self.journal.row(sample::id(number)).unwrap().status()
    }
}

async fn take(desk: &ReportIntake, number: u64, report: &Report) -> Disposition {
    let (payout, body) = (sample::id(number), report_message(sample::id(number), report));
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let incoming = Incoming {
        routing_key: &payout.to_string(),
        content_type: Some(CONTENT_TYPE),
        headers: &[("traceparent".to_owned(), traceparent.to_owned())],
        body: body.as_bytes(),
        received_at: desk.now(),
    };
    desk.take(&incoming).await
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
    let bench = bench().await;
    bench.create(1).await;
    assert_eq!(outcome(&bench.take(1, &broadcast("r1")).await), Some(Outcome::Applied));
    assert_eq!(outcome(&bench.take(1, &broadcast("r1")).await), Some(Outcome::Unchanged(Unchanged::Repeat)));
    assert_eq!(bench.status(1), Status::Broadcast);
    assert!(bench.journal.outbox()[1].traceparent.is_some());
    bench.journal.assert_consistent();
}

#[tokio::test]
async fn sandbox_payouts_and_unreadable_messages_are_to_be_put_aside() {
    let bench = bench().await;
    let sandbox = sample::in_mode(sample::payout(1), Mode::Test);
    bench.started.payouts.create(sandbox, None).await.unwrap();
    let reason = |disposition| match disposition {
        Disposition::DeadLetter { reason, .. } => Some(reason),
        Disposition::Acknowledge(_) | Disposition::TryLater(_) => None,
    };
    assert_eq!(reason(bench.take(1, &broadcast("r1")).await), Some(DeadLetterReason::SandboxPayout));
    let nonsense = Incoming {
        routing_key: "",
        content_type: None,
        headers: &[],
        body: b"?",
        received_at: bench.desk.now(),
    };
    assert_eq!(reason(bench.desk.take(&nonsense).await), Some(DeadLetterReason::NotJson));
}

#[tokio::test]
async fn nothing_is_acknowledged_while_the_store_is_away() {
    let bench = bench().await;
    bench.create(1).await;
    bench.journal.faults().always(Call::Append, None, Fault::Unavailable);
    assert!(matches!(bench.take(1, &broadcast("r1")).await, Disposition::TryLater(_)));
    bench.journal.faults().clear();
    assert_eq!(outcome(&bench.take(1, &broadcast("r1")).await), Some(Outcome::Applied));

    bench.yard.lot_down.store(true, SeqCst);
    assert!(matches!(bench.take(2, &broadcast("r2")).await, Disposition::TryLater(_)), "it cannot be parked");
}

#[tokio::test]
async fn a_report_that_came_before_its_payout_is_parked_and_handed_in() {
    let bench = bench().await;
    assert_eq!(bench.take(1, &broadcast("r1")).await, PARKED);
    assert_eq!(bench.take(1, &broadcast("r1")).await, PARKED, "a repeat is parked once");
    assert_eq!(bench.take(1, &sample::report("r2", 40, sample::delivered("0xcd"))).await, PARKED);
    assert_eq!(bench.yard.parked_reports().len(), 2);
    bench.attendant.round().await.unwrap();
    assert_eq!(bench.yard.parked_reports().len(), 2, "there is no payout yet");
    bench.create(1).await;
    bench.attendant.round().await.unwrap();
    assert_eq!(bench.yard.parked_reports(), []);
    assert_eq!(bench.status(1), Status::Delivered);
    let outcomes: Vec<_> = bench.journal.entries(sample::id(1)).iter().map(|entry| entry.outcome).collect();
    assert_eq!(outcomes, [Outcome::Applied, Outcome::Applied], "in the order they came");
    assert!(bench.journal.outbox()[1].traceparent.is_some(), "with the trace context it came with");
}

#[tokio::test]
async fn a_payout_that_appears_while_its_report_is_being_parked_gets_it_at_once() {
    let bench = bench().await;
    let gate = Gate::closed();
    *bench.yard.before_parking.lock().unwrap() = Some(gate.clone());
    let desk = Arc::clone(&bench.desk);
    let taken = tokio::spawn(async move { take(&desk, 1, &broadcast("r1")).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    bench.create(1).await;
    gate.open();
    assert_eq!(outcome(&taken.await.unwrap()), Some(Outcome::Applied));
    assert_eq!(bench.yard.parked_reports(), []);
}

#[tokio::test]
async fn a_report_whose_time_ran_out_is_put_aside_and_only_then_leaves_the_lot() {
    let bench = bench().await;
    assert_eq!(bench.take(1, &broadcast("r1")).await, PARKED);
    bench.clock.advance(Duration::from_secs(601));
    bench.yard.letters_down.store(true, SeqCst);
    assert!(bench.attendant.round().await.is_err());
    assert_eq!(bench.yard.parked_reports().len(), 1, "nothing is lost");
    bench.yard.letters_down.store(false, SeqCst);
    bench.attendant.round().await.unwrap();
    assert_eq!(bench.yard.parked_reports(), []);
    assert_eq!(bench.yard.reasons(), [DeadLetterReason::UnknownPayout]);
    let letter = bench.yard.letters.lock().unwrap()[0].clone();
    assert_eq!(letter.routing_key, sample::id(1).to_string());
    let read = read_letter(&letter);
    assert_eq!(read, (sample::id(1), broadcast("r1")), "it can be replayed as it is");
}

fn read_letter(letter: &DeadLetter) -> (PayoutId, Report) {
    let incoming = Incoming {
        routing_key: &letter.routing_key,
        content_type: letter.content_type.as_deref(),
        headers: &letter.headers,
        body: &letter.body,
        received_at: Timestamp::EPOCH,
    };
    read(&incoming, DEFAULT_MAX_BYTES).unwrap()
}

#[tokio::test]
async fn a_payout_that_appeared_in_the_last_moment_still_gets_its_report() {
    let bench = bench().await;
    assert_eq!(bench.take(1, &broadcast("r1")).await, PARKED);
    bench.clock.advance(Duration::from_secs(601));
    bench.create(1).await;
    bench.attendant.round().await.unwrap();
    assert_eq!((bench.yard.reasons(), bench.yard.parked_reports()), (vec![], vec![]));
    assert_eq!(bench.status(1), Status::Broadcast);
}

#[tokio::test]
async fn a_quarantined_payouts_report_waits_in_the_lot() {
    let bench = bench().await;
    bench.create(1).await;
    // A second engine over the same journal starts without the payout in memory, and finds it damaged.
    let id = sample::id(1);
    bench.journal.faults().always(Call::Load, Some(id), Fault::CorruptJournal);
    let started = start_test_system(&bench.journal, &bench.clock, test_config()).await;
    let desk = ReportIntake::new(
        started.payouts.clone(),
        Arc::new(bench.yard.clone()),
        ReportIntakeConfig::default(),
    );
    assert_eq!(take(&desk, 1, &broadcast("r1")).await, PARKED);
    let attendant = ParkedReportWorker::new(
        started.payouts.clone(),
        Arc::new(bench.yard.clone()),
        Arc::new(bench.yard.clone()),
        ParkedReportWorkerConfig::default(),
    );
    attendant.round().await.unwrap();
    assert_eq!(bench.yard.parked_reports().len(), 1, "it waits on");
    bench.clock.advance(Duration::from_secs(2 * 24 * 60 * 60));
    attendant.round().await.unwrap();
    assert_eq!(bench.yard.reasons(), [DeadLetterReason::Quarantined]);
    assert_eq!(bench.yard.parked_reports(), []);
}

#[tokio::test]
async fn a_payout_that_cannot_be_recorded_does_not_hold_up_the_others() {
    let bench = bench().await;
    for number in [1, 2] {
        assert_eq!(bench.take(number, &broadcast("r1")).await, PARKED);
    }
    for number in [1, 2] {
        bench.create(number).await;
    }
    bench.journal.faults().always(Call::Append, Some(sample::id(1)), Fault::Unavailable);
    bench.clock.advance(Duration::from_secs(601));
    bench.attendant.round().await.unwrap();
    assert_eq!(bench.status(2), Status::Broadcast);
    assert_eq!(bench.yard.parked_reports().len(), 1, "the other waits, though its time is up");
    assert_eq!(bench.yard.reasons(), []);
    bench.journal.faults().clear();
    bench.attendant.round().await.unwrap();
    assert_eq!((bench.status(1), bench.yard.parked_reports()), (Status::Broadcast, vec![]));
}

#[tokio::test]
async fn the_attendant_stops_when_asked() {
    let bench = bench().await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(bench.attendant.run(async move { drop(stopped.await) }));
    drop(stop);
    tokio::time::timeout(Duration::from_secs(5), running).await.unwrap().unwrap();
}
