//! Commits that fail, get lost, meet another version or lose their caller: money is never lost, doubled or acknowledged
//! too early.

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

struct Scene {
    journal: MemoryJournal,
    clock: ManualClock,
    started: TestSystem,
}

async fn scene() -> Scene {
    let journal = MemoryJournal::new(FaultPlan::default());
    let clock = ManualClock::at(sample::at(0));
    let started = start_test_system(&journal, &clock, test_config()).await;
    Scene { journal, clock, started }
}

impl Scene {
    fn payouts(&self) -> PayoutsHandle {
        self.started.payouts.clone()
    }

    async fn report(&self, payout: PayoutId, report: Report) -> Result<Receipt, ReportError> {
        self.payouts().report(payout, Mode::Live, report, None).await
    }

    async fn create(&self, payout: NewPayout) -> Result<PayoutId, CreateError> {
        self.payouts().create(payout, None).await.map(|snapshot| snapshot.payout.id)
    }
}

fn delivered() -> Report {
    sample::report("delivered", 5, sample::delivered("0xaa"))
}

fn moved(number: u32) -> Report {
    sample::report(&format!("moved-{number}"), i64::from(number), sample::progress(Some(100)))
}

/// Lets everything that can happen without time passing happen.
async fn reply_to() {
    for _ in 0..500 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_looked_up() {
    let scene = scene().await;
    scene.create(sample::payout(1)).await.unwrap();
    scene.journal.faults().once(Call::Append, None, Fault::LoseResponse);
    let receipt = scene.report(id(1), delivered()).await.unwrap();
    assert_eq!((receipt.outcome, receipt.sequence.0), (REPEAT, 3), "it had been recorded");
    assert_eq!(scene.journal.entries(id(1)).len(), 1);
    assert_eq!(scene.journal.outbox_of(id(1)).len(), 3);
    assert_eq!(scene.payouts().read(id(1)).await.unwrap().unwrap().status(), Status::Delivered);
    scene.journal.assert_consistent();
}

#[tokio::test(start_paused = true)]
async fn a_lost_request_is_made_again() {
    let scene = scene().await;
    scene.create(sample::payout(1)).await.unwrap();
    scene.journal.faults().once(Call::Append, None, Fault::LoseRequest);
    let receipt = scene.report(id(1), delivered()).await.unwrap();
    assert_eq!((receipt.outcome, receipt.sequence.0), (Outcome::Applied, 3));
    assert_eq!(scene.journal.entries(id(1)).len(), 1);
    scene.journal.assert_consistent();
}

#[tokio::test(start_paused = true)]
async fn what_stays_unknown_is_not_acknowledged() {
    let scene = scene().await;
    scene.create(sample::payout(1)).await.unwrap();
    scene.journal.faults().times(5, Call::Append, None, Fault::LoseRequest);
    assert!(matches!(scene.report(id(1), delivered()).await, Err(ReportError::Unavailable(_))));
    assert_eq!(scene.journal.entries(id(1)), []);
    assert_eq!(scene.payouts().read(id(1)).await.unwrap().unwrap().status(), Status::Pending);
    assert_eq!(scene.report(id(1), delivered()).await.unwrap().outcome, Outcome::Applied);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_and_then_a_lost_store_is_an_error_and_a_repeat_later() {
    let scene = scene().await;
    scene.create(sample::payout(1)).await.unwrap();
    scene.journal.faults().once(Call::Append, None, Fault::LoseResponse);
    scene.journal.faults().once(Call::Load, None, Fault::Unavailable);
    assert!(matches!(scene.report(id(1), delivered()).await, Err(ReportError::Unavailable(_))));
    // The relay may have told the world already: a reader must not see less.
    assert_eq!(scene.payouts().read(id(1)).await.unwrap().unwrap().status(), Status::Delivered);
    assert_eq!(scene.report(id(1), delivered()).await.unwrap().outcome, REPEAT);
    assert_eq!(scene.journal.entries(id(1)).len(), 1);
    scene.journal.assert_consistent();
}

#[tokio::test(start_paused = true)]
async fn a_creation_whose_answer_or_request_is_lost_happens_once() {
    for fault in [Fault::LoseResponse, Fault::LoseRequest] {
        let scene = scene().await;
        scene.journal.faults().once(Call::Create, None, fault);
        assert_eq!(scene.create(sample::payout(1)).await, Ok(id(1)));
        let again = scene.create(sample::payout_of_quote(2, 1)).await;
        assert_eq!(again, Err(CreateError::QuoteUsed(id(1))));
        assert_eq!(scene.journal.ids(), [id(1)]);
        scene.journal.assert_consistent();
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_never_takes_anothers_creation_for_its_own() {
    let scene = scene().await;
    scene.create(sample::payout(1)).await.unwrap();
    scene.journal.faults().once(Call::Create, None, Fault::LoseResponse);
    // The same id from the same quote, as in the sandbox, but created later.
    let mut later = sample::payout(1);
    later.created_at = sample::at(60);
    assert_eq!(scene.create(later).await, Err(CreateError::QuoteUsed(id(1))));
    scene.journal.assert_consistent();
}

#[tokio::test(start_paused = true)]
async fn a_creation_found_in_the_journal_does_not_bring_the_past_back() {
    let scene = scene().await;
    scene.create(sample::payout(1)).await.unwrap();
    scene.report(id(1), delivered()).await.unwrap();
    // Sandbox: the same quote gives the same payout, and this time by a process that has no actor for it.
    let elsewhere = start_test_system(&scene.journal, &scene.clock, test_config()).await;
    scene.journal.faults().once(Call::Create, None, Fault::LoseResponse);
    elsewhere.payouts.create(sample::payout(1), None).await.unwrap();
    reply_to().await;
    let read = elsewhere.payouts.read(id(1)).await.unwrap().unwrap();
    assert_eq!(read.status(), Status::Delivered);
}

#[tokio::test(start_paused = true)]
async fn a_creation_the_store_cannot_take_leaves_nothing_behind() {
    let scene = scene().await;
    scene.journal.faults().once(Call::Create, None, Fault::Unavailable);
    assert!(matches!(scene.create(sample::payout(1)).await, Err(CreateError::Unavailable(_))));
    assert_eq!(scene.payouts().read(id(1)).await, Ok(None));
    assert!(scene.journal.outbox().is_empty());
    assert_eq!(scene.create(sample::payout_of_quote(2, 1)).await, Ok(id(2)), "the quote is still good");
}

#[tokio::test(start_paused = true)]
async fn a_row_that_moved_on_elsewhere_is_reloaded() {
    let scene = scene().await;
    scene.create(sample::payout(1)).await.unwrap();
    let elsewhere = start_test_system(&scene.journal, &scene.clock, test_config()).await;
    let there = |report| elsewhere.payouts.report(id(1), Mode::Live, report, None);
    assert_eq!(there(moved(1)).await.unwrap().sequence.0, 2);
    let here = scene.report(id(1), moved(2)).await.unwrap();
    assert_eq!((here.outcome, here.sequence.0), (Outcome::Applied, 3));
    assert_eq!(there(delivered()).await.unwrap().sequence.0, 5);
    assert_eq!(scene.report(id(1), delivered()).await.unwrap().outcome, REPEAT);
    assert_eq!(scene.report(id(1), moved(3)).await.unwrap().outcome, Outcome::Unchanged(Unchanged::Late));
    scene.journal.assert_consistent();
}

#[tokio::test(start_paused = true)]
async fn what_another_process_wrote_is_seen_once_memory_is_forgotten() {
    let scene = scene().await;
    scene.create(sample::payout(1)).await.unwrap();
    // A creation that is committed, whose admission comes only after everything was forgotten.
    let gate = Gate::closed();
    scene.journal.faults().once(Call::Create, Some(id(2)), Fault::HangAfter(gate.clone()));
    let payouts = scene.payouts();
    let creating = tokio::spawn(async move { payouts.create(sample::payout(2), None).await });
    reply_to().await;

    scene.payouts().disable_memory_reads();
    let elsewhere = start_test_system(&scene.journal, &scene.clock, test_config()).await;
    for number in 1..3 {
        elsewhere.payouts.report(id(number), Mode::Live, delivered(), None).await.unwrap();
    }
    assert_eq!(scene.payouts().read(id(1)).await.unwrap().unwrap().status(), Status::Delivered);
    scene.payouts().evict_all().await;
    gate.open();
    creating.await.unwrap().unwrap();
    reply_to().await;
    for number in 1..3 {
        let read = scene.payouts().read(id(number)).await.unwrap().unwrap();
        assert_eq!(read.status(), Status::Delivered);
        assert_eq!(scene.report(id(number), delivered()).await.unwrap().outcome, REPEAT);
    }
    scene.journal.assert_consistent();
}

#[tokio::test(start_paused = true)]
async fn two_processes_at_once_lose_and_double_nothing() {
    let scene = scene().await;
    scene.create(sample::payout(1)).await.unwrap();
    let elsewhere = start_test_system(&scene.journal, &scene.clock, test_config()).await;
    let sent: Vec<_> = (0..60)
        .map(|number| {
            let payouts = if number % 2 == 0 { scene.payouts() } else { elsewhere.payouts.clone() };
            tokio::spawn(async move { payouts.report(id(1), Mode::Live, moved(number / 2), None).await })
        })
        .collect();
    let mut applied = 0;
    for answer in sent {
        match answer.await.unwrap() {
            Ok(receipt) => applied += usize::from(receipt.outcome == Outcome::Applied),
            Err(error) => assert!(matches!(error, ReportError::Unavailable(_)), "{error}"),
        }
    }
    let changes = scene.journal.entries(id(1)).iter().filter(|e| e.outcome == Outcome::Applied).count();
    assert_eq!(applied, changes, "each change is acknowledged once");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_acknowledges_nothing_and_a_later_try_succeeds() {
    let scene = scene().await;
    scene.create(sample::payout(1)).await.unwrap();
    scene.create(sample::payout(2)).await.unwrap();
    scene.journal.faults().always(Call::Append, None, Fault::Unavailable);
    scene.journal.faults().always(Call::Load, None, Fault::Unavailable);
    for _ in 0..3 {
        assert!(matches!(scene.report(id(1), delivered()).await, Err(ReportError::Unavailable(_))));
    }
    // What was committed before can still be read where it is at hand.
    assert_eq!(scene.payouts().read(id(2)).await.unwrap().unwrap().status(), Status::Pending);
    assert!(scene.payouts().read(id(3)).await.is_err(), "away is not the same as missing");
    scene.journal.faults().clear();
    assert_eq!(scene.payouts().read(id(1)).await.unwrap().unwrap().status(), Status::Pending);
    assert_eq!(scene.report(id(1), delivered()).await.unwrap().outcome, Outcome::Applied);
    scene.journal.assert_consistent();
}

#[tokio::test(start_paused = true)]
async fn a_poisoned_write_fails_alone() {
    let scene = scene().await;
    for number in 1..41 {
        scene.create(sample::payout(number)).await.unwrap();
    }
    scene.journal.faults().always(Call::Append, Some(id(7)), Fault::Reject);
    let sent: Vec<_> = (1..41)
        .map(|number| {
            let payouts = scene.payouts();
            tokio::spawn(async move { payouts.report(id(number), Mode::Live, delivered(), None).await })
        })
        .collect();
    for (number, answer) in (1..).zip(sent) {
        let answer = answer.await.unwrap();
        if number == 7 {
            assert_eq!(answer, Err(ReportError::Quarantined), "to be put aside, not tried for ever");
        } else {
            assert_eq!(answer.unwrap().outcome, Outcome::Applied, "{number}");
        }
    }
    scene.journal.faults().clear();
    assert_eq!(
        scene.report(id(7), moved(1)).await.unwrap().outcome,
        Outcome::Applied,
        "the payout itself is fine"
    );
    scene.journal.assert_consistent();
}

#[tokio::test(start_paused = true)]
async fn of_a_thousand_executions_of_one_quote_one_wins() {
    let scene = scene().await;
    let sent: Vec<_> = (1..=1_000)
        .map(|number| {
            let payouts = scene.payouts();
            let payout = sample::payout_of_quote(number, 1);
            tokio::spawn(async move { payouts.create(payout, None).await })
        })
        .collect();
    let (mut winners, mut losers) = (Vec::new(), Vec::new());
    for answer in sent {
        match answer.await.unwrap() {
            Ok(snapshot) => winners.push(snapshot.payout.id),
            Err(CreateError::QuoteUsed(by)) => losers.push(by),
            Err(CreateError::Unavailable(error)) => panic!("{error}"),
        }
    }
    assert_eq!((winners.len(), losers.len()), (1, 999));
    assert_eq!(losers.into_iter().collect::<HashSet<_>>(), winners.iter().copied().collect());
    assert_eq!(scene.journal.ids(), winners);
    assert_eq!(scene.journal.outbox().len(), 1);
    assert!(scene.journal.counts().creates < 100, "group commit gathered them");
}

#[tokio::test(start_paused = true)]
async fn of_a_hundred_copies_of_a_report_one_is_applied() {
    let scene = scene().await;
    scene.create(sample::payout(1)).await.unwrap();
    let sent: Vec<_> = (0..100)
        .map(|_| {
            let payouts = scene.payouts();
            tokio::spawn(async move { payouts.report(id(1), Mode::Live, delivered(), None).await })
        })
        .collect();
    let mut outcomes = Vec::new();
    for answer in sent {
        outcomes.push(answer.await.unwrap().unwrap().outcome);
    }
    outcomes.sort_by_key(|outcome| *outcome != Outcome::Applied);
    assert_eq!(outcomes[0], Outcome::Applied);
    assert!(outcomes[1..].iter().all(|outcome| *outcome == REPEAT));
    assert_eq!(scene.journal.entries(id(1)).len(), 1);
    scene.journal.assert_consistent();
}

/// Polls `work` so many times, letting everything else run in between, and then drops it. Whether it had ended.
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
async fn a_caller_may_leave_at_any_moment() {
    let mut polls = 0;
    loop {
        let scene = scene().await;
        let created = dropped_after(polls, scene.create(sample::payout(1))).await;
        reply_to().await;
        // Whoever comes back finds the quote used by that very payout, or good.
        let payout = match scene.create(sample::payout_of_quote(2, 1)).await {
            Ok(second) => second,
            Err(CreateError::QuoteUsed(first)) => first,
            Err(CreateError::Unavailable(error)) => panic!("{error}"),
        };
        assert_eq!(scene.journal.ids(), [payout]);
        let reported = dropped_after(polls, scene.report(payout, delivered())).await;
        reply_to().await;
        let receipt = scene.report(payout, delivered()).await.unwrap();
        assert_eq!(receipt.sequence.0, 3);
        assert_eq!(scene.journal.entries(payout).len(), 1, "after {polls} polls");
        let read = dropped_after(polls, scene.payouts().read(payout)).await;
        assert_eq!(scene.payouts().read(payout).await.unwrap().unwrap().status(), Status::Delivered);
        scene.journal.assert_consistent();
        if created && reported && read {
            break;
        }
        polls += 1;
    }
    assert!(polls > 2, "callers left in the middle");
}

#[tokio::test(start_paused = true)]
async fn lateness_is_committed_before_it_is_shown() {
    let scene = scene().await;
    scene.create(sample::payout(1)).await.unwrap();
    scene.clock.advance(Duration::from_secs(sample::ROUTE_SECONDS.into()));
    scene.journal.faults().always(Call::Append, None, Fault::Unavailable);
    let shown = scene.payouts().read(id(1)).await.unwrap().unwrap();
    assert!(!shown.late(), "what cannot be committed is not shown");
    scene.journal.faults().clear();
    let shown = scene.payouts().read(id(1)).await.unwrap().unwrap();
    assert_eq!((shown.late(), shown.sequence.0), (true, 2));
    for _ in 0..3 {
        scene.payouts().due_passed(id(1)).await.unwrap();
        assert_eq!(scene.payouts().read(id(1)).await.unwrap().unwrap().sequence.0, 2, "once");
    }
    assert_eq!(scene.payouts().due_passed(id(9)).await, Err(ReportError::NotFound));
    scene.journal.assert_consistent();
}
