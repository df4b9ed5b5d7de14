//! The supervisor: spawning, passivation, restarts, quarantine and shutdown.

use std::time::Duration;

use payoutd_actors::handle::PayoutsHandle;
use payoutd_actors::ports::Unavailable;
use payoutd_actors::reply::{Receipt, ReportError};
use payoutd_actors::supervisor::SupervisorConfig;
use payoutd_actors::system::ShutdownError;
use payoutd_actors::testing::sample::{self, id};
use payoutd_actors::testing::{
    Call, Fault, FaultPlan, Gate, ManualClock, MemoryJournal, TestSystem, start_test_system, test_config,
};
use payoutd_domain::{Mode, Outcome, PayoutId, Report, Status};

const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(10);

struct Fixture {
    journal: MemoryJournal,
    clock: ManualClock,
    system: TestSystem,
}

impl Fixture {
    async fn new(config: SupervisorConfig) -> Self {
        let journal = MemoryJournal::new(FaultPlan::default());
        let clock = ManualClock::at(sample::at(0));
        let system = start_test_system(&journal, &clock, config).await;
        Self { journal, clock, system }
    }

    fn payouts(&self) -> PayoutsHandle {
        self.system.payouts.clone()
    }

    fn faults(&self) -> &FaultPlan {
        self.journal.faults()
    }

    async fn create(&self, numbers: std::ops::Range<u64>) {
        for number in numbers {
            self.payouts().create(sample::payout(number), None).await.expect("created");
        }
    }

    /// Awaits `work` and returns its result with the number of loads during it.
    async fn loads<T>(&self, work: impl Future<Output = T>) -> (T, u64) {
        let before = self.journal.counts().loads;
        let result = work.await;
        (result, self.journal.counts().loads - before)
    }

    async fn status(&self, payout: PayoutId) -> Option<Status> {
        let read = self.payouts().read(payout).await.expect("the journal is available");
        read.map(|snapshot| snapshot.status())
    }
}

async fn report(payouts: &PayoutsHandle, payout: PayoutId, report: Report) -> Result<Receipt, ReportError> {
    payouts.report(payout, Mode::Live, report, None).await
}

fn progress_report(number: u32) -> Report {
    sample::report(&format!("progress-{number}"), i64::from(number), sample::progress(Some(100)))
}

fn delivered_report() -> Report {
    sample::report("delivered", 5, sample::delivered("0xaa"))
}

/// Runs all tasks until none can make progress without time passing.
async fn run_until_idle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_created_payout_has_an_actor_without_a_load() {
    let fixture = Fixture::new(test_config()).await;
    fixture.create(1..2).await;
    run_until_idle().await;
    let (status, loads) = fixture.loads(fixture.status(id(1))).await;
    assert_eq!((status, loads), (Some(Status::Pending), 0));
    let (receipt, loads) = fixture.loads(report(&fixture.payouts(), id(1), progress_report(1))).await;
    assert_eq!(receipt.map(|receipt| receipt.outcome), Ok(Outcome::Applied));
    assert_eq!(loads, 0);
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_a_payout_is_loaded_with_its_first_message_or_read() {
    let first_process = Fixture::new(test_config()).await;
    first_process.create(1..4).await;
    let Fixture { journal, clock, system } = first_process;
    system.actors.shutdown(SHUTDOWN_DEADLINE).await.unwrap();
    let system = start_test_system(&journal, &clock, test_config()).await;
    let fixture = Fixture { journal, clock, system };
    run_until_idle().await;
    assert_eq!(fixture.journal.counts().loads, 0, "nothing is loaded at the start");
    let (_, loads) = fixture.loads(fixture.status(id(2))).await;
    assert_eq!(loads, 1, "a read loads the payout");
    let (_, loads) = fixture.loads(report(&fixture.payouts(), id(1), progress_report(1))).await;
    assert_eq!(loads, 1, "the first report loads the payout");
    let (_, loads) = fixture.loads(report(&fixture.payouts(), id(1), progress_report(2))).await;
    assert_eq!(loads, 0, "the second report does not");
    let (status, loads) = fixture.loads(fixture.status(id(1))).await;
    assert_eq!((status, loads), (Some(Status::Pending), 0), "a read of a live payout does not");
    assert_eq!(fixture.status(id(9)).await, None);
}

#[tokio::test(start_paused = true)]
async fn actors_stop_when_idle_and_sooner_if_their_payout_is_in_an_end_state() {
    let idle_after = Duration::from_secs(60);
    let ended_after = Duration::from_secs(10);
    let fixture = Fixture::new(SupervisorConfig { idle_after, ended_after, ..test_config() }).await;
    fixture.create(1..3).await;
    report(&fixture.payouts(), id(2), delivered_report()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert_eq!(fixture.loads(fixture.status(id(1))).await.1, 0, "the pending payout is live");
    assert_eq!(fixture.loads(fixture.status(id(2))).await.1, 1, "the delivered payout is not");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(fixture.loads(fixture.status(id(1))).await.1, 1, "the idle payout is not");
    assert_eq!(report(&fixture.payouts(), id(1), progress_report(1)).await.unwrap().sequence.0, 2);
}

#[tokio::test(start_paused = true)]
async fn above_the_limit_the_least_recently_used_actors_stop() {
    let fixture = Fixture::new(SupervisorConfig { max_live: 2, ..test_config() }).await;
    fixture.create(1..6).await;
    for number in 1..6 {
        report(&fixture.payouts(), id(number), progress_report(1)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut loads = Vec::new();
    for number in 1..6 {
        loads.push(fixture.loads(fixture.status(id(number))).await.1);
    }
    assert_eq!(loads, [1, 1, 1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn messages_to_a_stopping_actor_are_processed_by_the_next_actor() {
    let idle_after = Duration::from_secs(2);
    let fixture = Fixture::new(SupervisorConfig { idle_after, ..test_config() }).await;
    fixture.create(1..2).await;
    let gate = Gate::closed();
    fixture.faults().once(Call::Append, Some(id(1)), Fault::HangAfter(gate.clone()));
    let mut sent = Vec::new();
    let mut send = |number: u32| {
        let payouts = fixture.payouts();
        sent.push(tokio::spawn(async move { report(&payouts, id(1), progress_report(number)).await }));
    };
    send(1);
    send(2);
    // The actor begins to stop while it waits for its commit, with one more message in its mailbox.
    tokio::time::sleep(Duration::from_secs(5)).await;
    (3..20).for_each(&mut send);
    run_until_idle().await;
    assert_eq!(fixture.journal.counts().committed, 2, "no other actor writes while it stops");
    gate.open();
    for (n, result) in (2..).zip(sent) {
        let receipt = result.await.unwrap().unwrap();
        assert_eq!(
            (receipt.outcome, receipt.sequence.0),
            (Outcome::Applied, n),
            "in the order in which they were sent"
        );
    }
    fixture.journal.assert_consistent();
}

#[tokio::test(start_paused = true)]
async fn a_panic_stops_one_actor_and_loses_no_message() {
    let fixture = Fixture::new(test_config()).await;
    fixture.create(1..11).await;
    run_until_idle().await;
    fixture.clock.panic_next(1);
    let receipt = report(&fixture.payouts(), id(1), delivered_report()).await.unwrap();
    assert_eq!(fixture.clock.panics_left(), 0, "the actor panicked");
    assert_eq!(receipt.outcome, Outcome::Applied);
    assert_eq!(fixture.status(id(1)).await, Some(Status::Delivered));
    for number in 2..11 {
        let (receipt, loads) =
            fixture.loads(report(&fixture.payouts(), id(number), progress_report(1))).await;
        assert_eq!(receipt.unwrap().outcome, Outcome::Applied);
        assert_eq!(loads, 0, "the actors of other payouts are still live");
    }
    fixture.journal.assert_consistent();
}

#[tokio::test(start_paused = true)]
async fn a_payout_that_fails_repeatedly_is_quarantined_and_retried_later() {
    let fixture = Fixture::new(test_config()).await;
    fixture.create(1..3).await;
    let Fixture { journal, clock, system } = fixture;
    system.actors.shutdown(SHUTDOWN_DEADLINE).await.unwrap();
    let system = start_test_system(&journal, &clock, test_config()).await;
    let fixture = Fixture { journal, clock, system };

    fixture.faults().always(Call::Load, Some(id(1)), Fault::CorruptJournal);
    assert_eq!(report(&fixture.payouts(), id(1), delivered_report()).await, Err(ReportError::Quarantined));
    let (result, loads) = fixture.loads(report(&fixture.payouts(), id(1), delivered_report())).await;
    assert_eq!((result, loads), (Err(ReportError::Quarantined), 0), "a quarantined payout is not loaded");
    assert!(fixture.payouts().read(id(1)).await.is_err(), "a damaged payout cannot be read");
    assert_eq!(
        report(&fixture.payouts(), id(2), progress_report(1)).await.unwrap().outcome,
        Outcome::Applied
    );

    // The journal is still corrupt after the quarantine: one attempt, and the payout is quarantined again.
    tokio::time::sleep(Duration::from_secs(61)).await;
    let (result, loads) = fixture.loads(report(&fixture.payouts(), id(1), delivered_report())).await;
    assert_eq!((result, loads), (Err(ReportError::Quarantined), 1));

    fixture.faults().clear();
    assert_eq!(report(&fixture.payouts(), id(1), delivered_report()).await, Err(ReportError::Quarantined));
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(
        report(&fixture.payouts(), id(1), delivered_report()).await.unwrap().outcome,
        Outcome::Applied
    );
    fixture.journal.assert_consistent();
}

#[tokio::test(start_paused = true)]
async fn every_report_on_a_missing_payout_returns_not_found() {
    let fixture = Fixture::new(test_config()).await;
    let sent: Vec<_> = (0..1_000)
        .map(|number| {
            let payouts = fixture.payouts();
            tokio::spawn(async move { report(&payouts, id(1), progress_report(number)).await })
        })
        .collect();
    for result in sent {
        assert_eq!(result.await.unwrap(), Err(ReportError::NotFound));
    }
    fixture.create(1..2).await;
    assert_eq!(
        report(&fixture.payouts(), id(1), progress_report(1)).await.unwrap().outcome,
        Outcome::Applied
    );
}

#[tokio::test(start_paused = true)]
async fn a_report_from_the_other_mode_is_refused_and_not_recorded() {
    let fixture = Fixture::new(test_config()).await;
    fixture.payouts().create(sample::in_mode(sample::payout(1), Mode::Test), None).await.unwrap();
    let result = report(&fixture.payouts(), id(1), delivered_report()).await;
    assert_eq!(result, Err(ReportError::WrongMode(Mode::Test)));
    assert!(fixture.journal.entries(id(1)).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_creation_that_completes_after_reports_does_not_restore_the_first_snapshot() {
    let config = SupervisorConfig { ended_after: Duration::from_secs(5), ..test_config() };
    let fixture = Fixture::new(config).await;
    let gate = Gate::closed();
    fixture.faults().once(Call::Create, Some(id(1)), Fault::HangAfter(gate.clone()));
    let payouts = fixture.payouts();
    let creating = tokio::spawn(async move { payouts.create(sample::payout(1), None).await });
    run_until_idle().await;
    // The row is committed, but its creator has no result yet. A report is processed, and the actor stops afterwards.
    report(&fixture.payouts(), id(1), delivered_report()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(30)).await;
    gate.open();
    assert_eq!(creating.await.unwrap().unwrap().status(), Status::Pending);
    run_until_idle().await;
    assert_eq!(fixture.status(id(1)).await, Some(Status::Delivered));
}

#[tokio::test(start_paused = true)]
async fn shutdown_waits_for_commits_in_flight_and_refuses_new_messages() {
    let fixture = Fixture::new(test_config()).await;
    fixture.create(1..4).await;
    let gate = Gate::closed();
    fixture.faults().once(Call::Append, Some(id(1)), Fault::HangBefore(gate.clone()));
    let send = |number: u64| {
        let payouts = fixture.payouts();
        tokio::spawn(async move { report(&payouts, id(number), delivered_report()).await })
    };
    let in_flight = [send(1), send(2)];
    run_until_idle().await;
    let payouts = fixture.payouts();
    let shutdown = tokio::spawn(fixture.system.actors.shutdown(SHUTDOWN_DEADLINE));
    run_until_idle().await;
    let refused = report(&payouts, id(3), delivered_report()).await;
    assert!(matches!(refused, Err(ReportError::Unavailable(Unavailable(_)))), "new reports are refused");
    assert!(!shutdown.is_finished());
    gate.open();
    shutdown.await.unwrap().unwrap();
    for result in in_flight {
        assert_eq!(result.await.unwrap().unwrap().outcome, Outcome::Applied);
    }
    fixture.journal.assert_consistent();
    assert!(payouts.create(sample::payout(9), None).await.is_err(), "creations are refused as well");
    assert_eq!(fixture.journal.row(id(9)), None);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_past_its_deadline_returns_an_error_and_acknowledges_nothing() {
    let fixture = Fixture::new(test_config()).await;
    fixture.create(1..2).await;
    fixture.faults().once(Call::Append, None, Fault::HangBefore(Gate::closed()));
    let payouts = fixture.payouts();
    let waiting = tokio::spawn(async move { report(&payouts, id(1), delivered_report()).await });
    run_until_idle().await;
    assert_eq!(
        fixture.system.actors.shutdown(SHUTDOWN_DEADLINE).await,
        Err(ShutdownError::Deadline(SHUTDOWN_DEADLINE))
    );
    assert!(!waiting.is_finished());
    assert_eq!(fixture.journal.entries(id(1)), []);
}

#[tokio::test(start_paused = true)]
async fn the_failure_of_a_group_commit_queue_is_returned_by_exited() {
    let mut fixture = Fixture::new(test_config()).await;
    fixture.create(1..2).await;
    let healthy = tokio::time::timeout(Duration::from_secs(100), fixture.system.actors.exited()).await;
    assert!(healthy.is_err(), "no task has exited");
    fixture.faults().once(Call::Append, None, Fault::Panic);
    let result = report(&fixture.payouts(), id(1), delivered_report()).await;
    assert!(matches!(result, Err(ReportError::Unavailable(_))), "{result:?}");
    let exit = fixture.system.actors.exited().await;
    assert!(exit.starts_with("a group commit queue failed"), "{exit}");
    assert_eq!(fixture.system.actors.exited().await, exit, "the reason stays the same");
    assert_eq!(fixture.journal.entries(id(1)), []);
    let shutdown = fixture.system.actors.shutdown(SHUTDOWN_DEADLINE).await;
    assert!(matches!(shutdown, Err(ShutdownError::Exited(_))));
}
