//! Commits that fail, have an unknown outcome, conflict or lose their caller: every write is recorded at most once, and
//! acknowledged only if it is recorded.

use std::collections::HashSet;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use payoutd_actors::handle::PayoutsHandle;
use payoutd_actors::reply::{CreateError, Receipt, ReportError};
use payoutd_actors::testing::sample::{self, id};
use payoutd_actors::testing::{
    Call, Fault, FaultPlan, Gate, ManualClock, MemoryJournal, TestSystem, start_test_system, test_config,
};
use payoutd_domain::{Mode, NewPayout, Outcome, PayoutId, Report, Status, Unchanged};

const REPEAT: Outcome = Outcome::Unchanged(Unchanged::Repeat);

struct Fixture {
    journal: MemoryJournal,
    clock: ManualClock,
    system: TestSystem,
}

async fn fixture() -> Fixture {
    let journal = MemoryJournal::new(FaultPlan::default());
    let clock = ManualClock::at(sample::at(0));
    let system = start_test_system(&journal, &clock, test_config()).await;
    Fixture { journal, clock, system }
}

impl Fixture {
    fn payouts(&self) -> PayoutsHandle {
        self.system.payouts.clone()
    }

    async fn report(&self, payout: PayoutId, report: Report) -> Result<Receipt, ReportError> {
        self.payouts().report(payout, Mode::Live, report, None).await
    }

    async fn create(&self, payout: NewPayout) -> Result<PayoutId, CreateError> {
        self.payouts().create(payout, None).await.map(|snapshot| snapshot.payout.id)
    }
}

fn delivered_report() -> Report {
    sample::report("delivered", 5, sample::delivered("0xaa"))
}

fn progress_report(number: u32) -> Report {
    sample::report(&format!("progress-{number}"), i64::from(number), sample::progress(Some(100)))
}

/// Runs all tasks until none can make progress without time passing.
async fn run_until_idle() {
    for _ in 0..500 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_lost_response_the_recorded_outcome_is_found() {
    let fixture = fixture().await;
    fixture.create(sample::payout(1)).await.unwrap();
    fixture.journal.faults().once(Call::Append, None, Fault::LoseResponse);
    let receipt = fixture.report(id(1), delivered_report()).await.unwrap();
    assert_eq!(
        (receipt.outcome, receipt.sequence.0),
        (REPEAT, 3),
        "the report was recorded by the first commit"
    );
    assert_eq!(fixture.journal.entries(id(1)).len(), 1);
    assert_eq!(fixture.journal.outbox_of(id(1)).len(), 3);
    assert_eq!(fixture.payouts().read(id(1)).await.unwrap().unwrap().status(), Status::Delivered);
    fixture.journal.assert_consistent();
}

#[tokio::test(start_paused = true)]
async fn after_a_lost_request_the_report_is_committed_again() {
    let fixture = fixture().await;
    fixture.create(sample::payout(1)).await.unwrap();
    fixture.journal.faults().once(Call::Append, None, Fault::LoseRequest);
    let receipt = fixture.report(id(1), delivered_report()).await.unwrap();
    assert_eq!((receipt.outcome, receipt.sequence.0), (Outcome::Applied, 3));
    assert_eq!(fixture.journal.entries(id(1)).len(), 1);
    fixture.journal.assert_consistent();
}

#[tokio::test(start_paused = true)]
async fn a_report_whose_outcome_stays_unknown_is_not_acknowledged() {
    let fixture = fixture().await;
    fixture.create(sample::payout(1)).await.unwrap();
    fixture.journal.faults().times(5, Call::Append, None, Fault::LoseRequest);
    assert!(matches!(fixture.report(id(1), delivered_report()).await, Err(ReportError::Unavailable(_))));
    assert_eq!(fixture.journal.entries(id(1)), []);
    assert_eq!(fixture.payouts().read(id(1)).await.unwrap().unwrap().status(), Status::Pending);
    assert_eq!(fixture.report(id(1), delivered_report()).await.unwrap().outcome, Outcome::Applied);
}

#[tokio::test(start_paused = true)]
async fn a_lost_response_followed_by_a_failed_load_is_an_error_and_later_a_repeat() {
    let fixture = fixture().await;
    fixture.create(sample::payout(1)).await.unwrap();
    fixture.journal.faults().once(Call::Append, None, Fault::LoseResponse);
    fixture.journal.faults().once(Call::Load, None, Fault::Unavailable);
    assert!(matches!(fixture.report(id(1), delivered_report()).await, Err(ReportError::Unavailable(_))));
    // The relay may have published the change already, so a read must not return an older snapshot.
    assert_eq!(fixture.payouts().read(id(1)).await.unwrap().unwrap().status(), Status::Delivered);
    assert_eq!(fixture.report(id(1), delivered_report()).await.unwrap().outcome, REPEAT);
    assert_eq!(fixture.journal.entries(id(1)).len(), 1);
    fixture.journal.assert_consistent();
}

#[tokio::test(start_paused = true)]
async fn a_creation_whose_response_or_request_is_lost_happens_once() {
    for fault in [Fault::LoseResponse, Fault::LoseRequest] {
        let fixture = fixture().await;
        fixture.journal.faults().once(Call::Create, None, fault);
        assert_eq!(fixture.create(sample::payout(1)).await, Ok(id(1)));
        let again = fixture.create(sample::payout_of_quote(2, 1)).await;
        assert_eq!(again, Err(CreateError::QuoteUsed(id(1))));
        assert_eq!(fixture.journal.ids(), [id(1)]);
        fixture.journal.assert_consistent();
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_lost_response_the_creation_of_another_call_is_not_mistaken_for_its_own() {
    let fixture = fixture().await;
    fixture.create(sample::payout(1)).await.unwrap();
    fixture.journal.faults().once(Call::Create, None, Fault::LoseResponse);
    // The same id from the same quote, as in the sandbox, but created later.
    let mut later = sample::payout(1);
    later.created_at = sample::at(60);
    assert_eq!(fixture.create(later).await, Err(CreateError::QuoteUsed(id(1))));
    fixture.journal.assert_consistent();
}

#[tokio::test(start_paused = true)]
async fn a_creation_found_in_the_journal_does_not_restore_the_first_snapshot() {
    let fixture = fixture().await;
    fixture.create(sample::payout(1)).await.unwrap();
    fixture.report(id(1), delivered_report()).await.unwrap();
    // In the sandbox the same quote gives the same payout. This process has no actor for it.
    let other_process = start_test_system(&fixture.journal, &fixture.clock, test_config()).await;
    fixture.journal.faults().once(Call::Create, None, Fault::LoseResponse);
    other_process.payouts.create(sample::payout(1), None).await.unwrap();
    run_until_idle().await;
    let read = other_process.payouts.read(id(1)).await.unwrap().unwrap();
    assert_eq!(read.status(), Status::Delivered);
}

#[tokio::test(start_paused = true)]
async fn a_creation_that_fails_leaves_no_payout_and_does_not_use_the_quote() {
    let fixture = fixture().await;
    fixture.journal.faults().once(Call::Create, None, Fault::Unavailable);
    assert!(matches!(fixture.create(sample::payout(1)).await, Err(CreateError::Unavailable(_))));
    assert_eq!(fixture.payouts().read(id(1)).await, Ok(None));
    assert!(fixture.journal.outbox().is_empty());
    assert_eq!(fixture.create(sample::payout_of_quote(2, 1)).await, Ok(id(2)), "the quote can still be used");
}

#[tokio::test(start_paused = true)]
async fn a_row_changed_by_another_process_is_reloaded() {
    let fixture = fixture().await;
    fixture.create(sample::payout(1)).await.unwrap();
    let other_process = start_test_system(&fixture.journal, &fixture.clock, test_config()).await;
    let report_there = |report| other_process.payouts.report(id(1), Mode::Live, report, None);
    assert_eq!(report_there(progress_report(1)).await.unwrap().sequence.0, 2);
    let receipt = fixture.report(id(1), progress_report(2)).await.unwrap();
    assert_eq!((receipt.outcome, receipt.sequence.0), (Outcome::Applied, 3));
    assert_eq!(report_there(delivered_report()).await.unwrap().sequence.0, 5);
    assert_eq!(fixture.report(id(1), delivered_report()).await.unwrap().outcome, REPEAT);
    assert_eq!(
        fixture.report(id(1), progress_report(3)).await.unwrap().outcome,
        Outcome::Unchanged(Unchanged::Late)
    );
    fixture.journal.assert_consistent();
}

#[tokio::test(start_paused = true)]
async fn changes_of_another_process_are_read_after_the_payouts_are_evicted() {
    let fixture = fixture().await;
    fixture.create(sample::payout(1)).await.unwrap();
    // A creation that is committed, whose caller gets the result only after the eviction.
    let gate = Gate::closed();
    fixture.journal.faults().once(Call::Create, Some(id(2)), Fault::HangAfter(gate.clone()));
    let payouts = fixture.payouts();
    let creating = tokio::spawn(async move { payouts.create(sample::payout(2), None).await });
    run_until_idle().await;

    fixture.payouts().disable_memory_reads();
    let other_process = start_test_system(&fixture.journal, &fixture.clock, test_config()).await;
    for number in 1..3 {
        other_process.payouts.report(id(number), Mode::Live, delivered_report(), None).await.unwrap();
    }
    assert_eq!(fixture.payouts().read(id(1)).await.unwrap().unwrap().status(), Status::Delivered);
    fixture.payouts().evict_all().await;
    gate.open();
    creating.await.unwrap().unwrap();
    run_until_idle().await;
    for number in 1..3 {
        let read = fixture.payouts().read(id(number)).await.unwrap().unwrap();
        assert_eq!(read.status(), Status::Delivered);
        assert_eq!(fixture.report(id(number), delivered_report()).await.unwrap().outcome, REPEAT);
    }
    fixture.journal.assert_consistent();
}

#[tokio::test(start_paused = true)]
async fn two_processes_at_once_record_and_acknowledge_each_change_once() {
    let fixture = fixture().await;
    fixture.create(sample::payout(1)).await.unwrap();
    let other_process = start_test_system(&fixture.journal, &fixture.clock, test_config()).await;
    let sent: Vec<_> = (0..60)
        .map(|number| {
            let payouts = if number % 2 == 0 { fixture.payouts() } else { other_process.payouts.clone() };
            tokio::spawn(
                async move { payouts.report(id(1), Mode::Live, progress_report(number / 2), None).await },
            )
        })
        .collect();
    let mut applied = 0;
    for result in sent {
        match result.await.unwrap() {
            Ok(receipt) => applied += usize::from(receipt.outcome == Outcome::Applied),
            Err(error) => assert!(matches!(error, ReportError::Unavailable(_)), "{error}"),
        }
    }
    let changes = fixture.journal.entries(id(1)).iter().filter(|e| e.outcome == Outcome::Applied).count();
    assert_eq!(applied, changes, "each change is acknowledged once");
}

#[tokio::test(start_paused = true)]
async fn an_unavailable_store_acknowledges_nothing_and_a_later_attempt_succeeds() {
    let fixture = fixture().await;
    fixture.create(sample::payout(1)).await.unwrap();
    fixture.create(sample::payout(2)).await.unwrap();
    fixture.journal.faults().always(Call::Append, None, Fault::Unavailable);
    fixture.journal.faults().always(Call::Load, None, Fault::Unavailable);
    for _ in 0..3 {
        assert!(matches!(fixture.report(id(1), delivered_report()).await, Err(ReportError::Unavailable(_))));
    }
    // A live payout can be read without the store.
    assert_eq!(fixture.payouts().read(id(2)).await.unwrap().unwrap().status(), Status::Pending);
    assert!(
        fixture.payouts().read(id(3)).await.is_err(),
        "an unavailable store does not mean that the payout does not exist"
    );
    fixture.journal.faults().clear();
    assert_eq!(fixture.payouts().read(id(1)).await.unwrap().unwrap().status(), Status::Pending);
    assert_eq!(fixture.report(id(1), delivered_report()).await.unwrap().outcome, Outcome::Applied);
    fixture.journal.assert_consistent();
}

#[tokio::test(start_paused = true)]
async fn a_rejected_write_does_not_fail_the_other_writes_of_its_batch() {
    let fixture = fixture().await;
    for number in 1..41 {
        fixture.create(sample::payout(number)).await.unwrap();
    }
    fixture.journal.faults().always(Call::Append, Some(id(7)), Fault::Reject);
    let sent: Vec<_> = (1..41)
        .map(|number| {
            let payouts = fixture.payouts();
            tokio::spawn(
                async move { payouts.report(id(number), Mode::Live, delivered_report(), None).await },
            )
        })
        .collect();
    for (number, result) in (1..).zip(sent) {
        let result = result.await.unwrap();
        if number == 7 {
            assert_eq!(result, Err(ReportError::Quarantined), "the report is not retried");
        } else {
            assert_eq!(result.unwrap().outcome, Outcome::Applied, "{number}");
        }
    }
    fixture.journal.faults().clear();
    assert_eq!(
        fixture.report(id(7), progress_report(1)).await.unwrap().outcome,
        Outcome::Applied,
        "other reports on the payout are recorded"
    );
    fixture.journal.assert_consistent();
}

#[tokio::test(start_paused = true)]
async fn of_a_thousand_creations_from_one_quote_one_succeeds() {
    let fixture = fixture().await;
    let sent: Vec<_> = (1..=1_000)
        .map(|number| {
            let payouts = fixture.payouts();
            let payout = sample::payout_of_quote(number, 1);
            tokio::spawn(async move { payouts.create(payout, None).await })
        })
        .collect();
    let (mut created, mut refused) = (Vec::new(), Vec::new());
    for result in sent {
        match result.await.unwrap() {
            Ok(snapshot) => created.push(snapshot.payout.id),
            Err(CreateError::QuoteUsed(by)) => refused.push(by),
            Err(CreateError::Unavailable(error)) => panic!("{error}"),
        }
    }
    assert_eq!((created.len(), refused.len()), (1, 999));
    assert_eq!(refused.into_iter().collect::<HashSet<_>>(), created.iter().copied().collect());
    assert_eq!(fixture.journal.ids(), created);
    assert_eq!(fixture.journal.outbox().len(), 1);
    assert!(fixture.journal.counts().creates < 100, "group commit combined the creations");
}

#[tokio::test(start_paused = true)]
async fn of_a_hundred_copies_of_a_report_one_is_applied() {
    let fixture = fixture().await;
    fixture.create(sample::payout(1)).await.unwrap();
    let sent: Vec<_> = (0..100)
        .map(|_| {
            let payouts = fixture.payouts();
            tokio::spawn(async move { payouts.report(id(1), Mode::Live, delivered_report(), None).await })
        })
        .collect();
    let mut outcomes = Vec::new();
    for result in sent {
        outcomes.push(result.await.unwrap().unwrap().outcome);
    }
    outcomes.sort_by_key(|outcome| *outcome != Outcome::Applied);
    assert_eq!(outcomes[0], Outcome::Applied);
    assert!(outcomes[1..].iter().all(|outcome| *outcome == REPEAT));
    assert_eq!(fixture.journal.entries(id(1)).len(), 1);
    fixture.journal.assert_consistent();
}

/// Polls `work` up to `polls` times, running other tasks in between, and then drops it. Returns whether it completed.
async fn dropped_after<T>(polls: usize, work: impl Future<Output = T>) -> bool {
    let mut work = pin!(work);
    for _ in 0..polls {
        if work.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            return true;
        }
        tokio::task::yield_now().await;
    }
    false
}

#[tokio::test(start_paused = true)]
async fn a_caller_may_drop_its_call_at_any_await_point() {
    let mut polls = 0;
    loop {
        let fixture = fixture().await;
        let created = dropped_after(polls, fixture.create(sample::payout(1))).await;
        run_until_idle().await;
        // A later creation finds the quote either used by the first payout or unused.
        let payout = match fixture.create(sample::payout_of_quote(2, 1)).await {
            Ok(second) => second,
            Err(CreateError::QuoteUsed(first)) => first,
            Err(CreateError::Unavailable(error)) => panic!("{error}"),
        };
        assert_eq!(fixture.journal.ids(), [payout]);
        let reported = dropped_after(polls, fixture.report(payout, delivered_report())).await;
        run_until_idle().await;
        let receipt = fixture.report(payout, delivered_report()).await.unwrap();
        assert_eq!(receipt.sequence.0, 3);
        assert_eq!(fixture.journal.entries(payout).len(), 1, "after {polls} polls");
        let read = dropped_after(polls, fixture.payouts().read(payout)).await;
        assert_eq!(fixture.payouts().read(payout).await.unwrap().unwrap().status(), Status::Delivered);
        fixture.journal.assert_consistent();
        if created && reported && read {
            break;
        }
        polls += 1;
    }
    assert!(polls > 2, "calls were dropped before they completed");
}

#[tokio::test(start_paused = true)]
async fn lateness_is_committed_before_it_can_be_read() {
    let fixture = fixture().await;
    fixture.create(sample::payout(1)).await.unwrap();
    fixture.clock.advance(Duration::from_secs(sample::ROUTE_SECONDS.into()));
    fixture.journal.faults().always(Call::Append, None, Fault::Unavailable);
    let snapshot = fixture.payouts().read(id(1)).await.unwrap().unwrap();
    assert!(!snapshot.late(), "lateness that cannot be committed is not visible");
    fixture.journal.faults().clear();
    let snapshot = fixture.payouts().read(id(1)).await.unwrap().unwrap();
    assert_eq!((snapshot.late(), snapshot.sequence.0), (true, 2));
    for _ in 0..3 {
        fixture.payouts().due_passed(id(1)).await.unwrap();
        assert_eq!(
            fixture.payouts().read(id(1)).await.unwrap().unwrap().sequence.0,
            2,
            "lateness is recorded once"
        );
    }
    assert_eq!(fixture.payouts().due_passed(id(9)).await, Err(ReportError::NotFound));
    fixture.journal.assert_consistent();
}
