//! One actor per payout, when it is needed and no longer; failures that stay where they are; an end in order.

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

const SOON: Duration = Duration::from_secs(10);

struct Scene {
    journal: MemoryJournal,
    clock: ManualClock,
    started: TestSystem,
}

impl Scene {
    async fn new(config: SupervisorConfig) -> Self {
        let journal = MemoryJournal::new(FaultPlan::default());
        let clock = ManualClock::at(sample::at(0));
        let started = start_test_system(&journal, &clock, config).await;
        Self { journal, clock, started }
    }

    fn payouts(&self) -> PayoutsHandle {
        self.started.payouts.clone()
    }

    fn faults(&self) -> &FaultPlan {
        self.journal.faults()
    }

    async fn create(&self, numbers: std::ops::Range<u64>) {
        for number in numbers {
            self.payouts().create(sample::payout(number), None).await.expect("created");
        }
    }

    /// Loads that `work` costs.
    async fn loads<T>(&self, work: impl Future<Output = T>) -> (T, u64) {
        let before = self.journal.counts().loads;
        let done = work.await;
        (done, self.journal.counts().loads - before)
    }

    async fn status(&self, payout: PayoutId) -> Option<Status> {
        let read = self.payouts().read(payout).await.expect("the journal can be asked");
        read.map(|snapshot| snapshot.status())
    }
}

async fn report(payouts: &PayoutsHandle, payout: PayoutId, report: Report) -> Result<Receipt, ReportError> {
    payouts.report(payout, Mode::Live, report, None).await
}

fn moved(number: u32) -> Report {
    sample::report(&format!("moved-{number}"), i64::from(number), sample::progress(Some(100)))
}

fn delivered() -> Report {
    sample::report("delivered", 5, sample::delivered("0xaa"))
}

/// Lets everything that can happen without time passing happen.
async fn reply_to() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_payout_has_its_actor_at_once() {
    let scene = Scene::new(test_config()).await;
    scene.create(1..2).await;
    reply_to().await;
    let (status, loads) = scene.loads(scene.status(id(1))).await;
    assert_eq!((status, loads), (Some(Status::Pending), 0));
    let (receipt, loads) = scene.loads(report(&scene.payouts(), id(1), moved(1))).await;
    assert_eq!(receipt.map(|receipt| receipt.outcome), Ok(Outcome::Applied));
    assert_eq!(loads, 0);
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_payouts_are_loaded_when_spoken_of_and_not_before() {
    let before = Scene::new(test_config()).await;
    before.create(1..4).await;
    let Scene { journal, clock, started } = before;
    started.system.shutdown(SOON).await.unwrap();
    let started = start_test_system(&journal, &clock, test_config()).await;
    let scene = Scene { journal, clock, started };
    reply_to().await;
    assert_eq!(scene.journal.counts().loads, 0, "nothing is loaded at start");
    let (_, loads) = scene.loads(scene.status(id(2))).await;
    assert_eq!(loads, 1, "a read asks the journal");
    let (_, loads) = scene.loads(report(&scene.payouts(), id(1), moved(1))).await;
    assert_eq!(loads, 1, "the first report loads");
    let (_, loads) = scene.loads(report(&scene.payouts(), id(1), moved(2))).await;
    assert_eq!(loads, 0, "the second does not");
    let (status, loads) = scene.loads(scene.status(id(1))).await;
    assert_eq!((status, loads), (Some(Status::Pending), 0), "and neither does a read now");
    assert_eq!(scene.status(id(9)).await, None);
}

#[tokio::test(start_paused = true)]
async fn actors_leave_when_idle_and_sooner_when_their_payout_has_ended() {
    let idle_after = Duration::from_secs(60);
    let ended_after = Duration::from_secs(10);
    let scene = Scene::new(SupervisorConfig { idle_after, ended_after, ..test_config() }).await;
    scene.create(1..3).await;
    report(&scene.payouts(), id(2), delivered()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert_eq!(scene.loads(scene.status(id(1))).await.1, 0, "the pending one stays");
    assert_eq!(scene.loads(scene.status(id(2))).await.1, 1, "the ended one has left");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(scene.loads(scene.status(id(1))).await.1, 1, "the idle one has left");
    assert_eq!(report(&scene.payouts(), id(1), moved(1)).await.unwrap().sequence.0, 2);
}

#[tokio::test(start_paused = true)]
async fn over_the_limit_the_least_recently_used_leave() {
    let scene = Scene::new(SupervisorConfig { max_live: 2, ..test_config() }).await;
    scene.create(1..6).await;
    for number in 1..6 {
        report(&scene.payouts(), id(number), moved(1)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut loads = Vec::new();
    for number in 1..6 {
        loads.push(scene.loads(scene.status(id(number))).await.1);
    }
    assert_eq!(loads, [1, 1, 1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn what_arrives_while_an_actor_stops_waits_for_its_successor() {
    let idle_after = Duration::from_secs(2);
    let scene = Scene::new(SupervisorConfig { idle_after, ..test_config() }).await;
    scene.create(1..2).await;
    let gate = Gate::closed();
    scene.faults().once(Call::Append, Some(id(1)), Fault::HangAfter(gate.clone()));
    let mut sent = Vec::new();
    let mut send = |number: u32| {
        let payouts = scene.payouts();
        sent.push(tokio::spawn(async move { report(&payouts, id(1), moved(number)).await }));
    };
    send(1);
    send(2);
    // The actor is told to stop while it waits for its commit, with one more message in its mailbox.
    tokio::time::sleep(Duration::from_secs(5)).await;
    (3..20).for_each(&mut send);
    reply_to().await;
    assert_eq!(scene.journal.counts().committed, 2, "nobody else writes meanwhile");
    gate.open();
    for (n, answer) in (2..).zip(sent) {
        let receipt = answer.await.unwrap().unwrap();
        assert_eq!((receipt.outcome, receipt.sequence.0), (Outcome::Applied, n), "in the order they came");
    }
    scene.journal.assert_consistent();
}

#[tokio::test(start_paused = true)]
async fn a_panic_costs_one_actor_and_no_message() {
    let scene = Scene::new(test_config()).await;
    scene.create(1..11).await;
    reply_to().await;
    scene.clock.panic_next(1);
    let receipt = report(&scene.payouts(), id(1), delivered()).await.unwrap();
    assert_eq!(scene.clock.panics_left(), 0, "it did panic");
    assert_eq!(receipt.outcome, Outcome::Applied);
    assert_eq!(scene.status(id(1)).await, Some(Status::Delivered));
    for number in 2..11 {
        let (receipt, loads) = scene.loads(report(&scene.payouts(), id(number), moved(1))).await;
        assert_eq!(receipt.unwrap().outcome, Outcome::Applied);
        assert_eq!(loads, 0, "its neighbours never noticed");
    }
    scene.journal.assert_consistent();
}

#[tokio::test(start_paused = true)]
async fn what_keeps_failing_is_left_alone_and_tried_again_later() {
    let scene = Scene::new(test_config()).await;
    scene.create(1..3).await;
    let Scene { journal, clock, started } = scene;
    started.system.shutdown(SOON).await.unwrap();
    let started = start_test_system(&journal, &clock, test_config()).await;
    let scene = Scene { journal, clock, started };

    scene.faults().always(Call::Load, Some(id(1)), Fault::CorruptJournal);
    assert_eq!(report(&scene.payouts(), id(1), delivered()).await, Err(ReportError::Quarantined));
    let (answer, loads) = scene.loads(report(&scene.payouts(), id(1), delivered())).await;
    assert_eq!((answer, loads), (Err(ReportError::Quarantined), 0), "nothing is even tried");
    assert!(scene.payouts().read(id(1)).await.is_err(), "and nothing wrong is shown");
    assert_eq!(report(&scene.payouts(), id(2), moved(1)).await.unwrap().outcome, Outcome::Applied);

    // Still damaged after the quarantine: one try, and quarantined again.
    tokio::time::sleep(Duration::from_secs(61)).await;
    let (answer, loads) = scene.loads(report(&scene.payouts(), id(1), delivered())).await;
    assert_eq!((answer, loads), (Err(ReportError::Quarantined), 1));

    scene.faults().clear();
    assert_eq!(report(&scene.payouts(), id(1), delivered()).await, Err(ReportError::Quarantined));
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(report(&scene.payouts(), id(1), delivered()).await.unwrap().outcome, Outcome::Applied);
    scene.journal.assert_consistent();
}

#[tokio::test(start_paused = true)]
async fn everybody_who_speaks_of_a_missing_payout_hears_so() {
    let scene = Scene::new(test_config()).await;
    let asked: Vec<_> = (0..1_000)
        .map(|number| {
            let payouts = scene.payouts();
            tokio::spawn(async move { report(&payouts, id(1), moved(number)).await })
        })
        .collect();
    for answer in asked {
        assert_eq!(answer.await.unwrap(), Err(ReportError::NotFound));
    }
    // And once it exists, it is found.
    scene.create(1..2).await;
    assert_eq!(report(&scene.payouts(), id(1), moved(1)).await.unwrap().outcome, Outcome::Applied);
}

#[tokio::test(start_paused = true)]
async fn a_payout_of_the_other_mode_is_left_alone() {
    let scene = Scene::new(test_config()).await;
    scene.payouts().create(sample::in_mode(sample::payout(1), Mode::Test), None).await.unwrap();
    let answer = report(&scene.payouts(), id(1), delivered()).await;
    assert_eq!(answer, Err(ReportError::WrongMode(Mode::Test)));
    assert!(scene.journal.entries(id(1)).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_creation_overtaken_by_reports_does_not_bring_the_past_back() {
    let config = SupervisorConfig { ended_after: Duration::from_secs(5), ..test_config() };
    let scene = Scene::new(config).await;
    let gate = Gate::closed();
    scene.faults().once(Call::Create, Some(id(1)), Fault::HangAfter(gate.clone()));
    let payouts = scene.payouts();
    let creating = tokio::spawn(async move { payouts.create(sample::payout(1), None).await });
    reply_to().await;
    // The row is there, its creator does not know yet; reports come, and the actor leaves when the payout has ended.
    report(&scene.payouts(), id(1), delivered()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(30)).await;
    gate.open();
    assert_eq!(creating.await.unwrap().unwrap().status(), Status::Pending);
    reply_to().await;
    assert_eq!(scene.status(id(1)).await, Some(Status::Delivered));
}

#[tokio::test(start_paused = true)]
async fn the_end_waits_for_what_is_under_way() {
    let scene = Scene::new(test_config()).await;
    scene.create(1..4).await;
    let gate = Gate::closed();
    scene.faults().once(Call::Append, Some(id(1)), Fault::HangBefore(gate.clone()));
    let send = |number: u64| {
        let payouts = scene.payouts();
        tokio::spawn(async move { report(&payouts, id(number), delivered()).await })
    };
    let in_flight = [send(1), send(2)];
    reply_to().await;
    let payouts = scene.payouts();
    let ending = tokio::spawn(scene.started.system.shutdown(SOON));
    reply_to().await;
    let refused = report(&payouts, id(3), delivered()).await;
    assert!(matches!(refused, Err(ReportError::Unavailable(Unavailable(_)))), "nothing new is taken in");
    assert!(!ending.is_finished());
    gate.open();
    ending.await.unwrap().unwrap();
    for answer in in_flight {
        assert_eq!(answer.await.unwrap().unwrap().outcome, Outcome::Applied);
    }
    scene.journal.assert_consistent();
    assert!(payouts.create(sample::payout(9), None).await.is_err(), "and nothing afterwards");
    assert_eq!(scene.journal.row(id(9)), None);
}

#[tokio::test(start_paused = true)]
async fn an_end_that_takes_too_long_says_so_and_acknowledges_nothing() {
    let scene = Scene::new(test_config()).await;
    scene.create(1..2).await;
    scene.faults().once(Call::Append, None, Fault::HangBefore(Gate::closed()));
    let payouts = scene.payouts();
    let waiting = tokio::spawn(async move { report(&payouts, id(1), delivered()).await });
    reply_to().await;
    assert_eq!(scene.started.system.shutdown(SOON).await, Err(ShutdownError::Deadline(SOON)));
    assert!(!waiting.is_finished());
    assert_eq!(scene.journal.entries(id(1)), []);
}

#[tokio::test(start_paused = true)]
async fn the_death_of_a_lane_is_noticed_and_nothing_is_acknowledged() {
    let mut scene = Scene::new(test_config()).await;
    scene.create(1..2).await;
    let healthy = tokio::time::timeout(Duration::from_secs(100), scene.started.system.exited()).await;
    assert!(healthy.is_err(), "nothing has died");
    scene.faults().once(Call::Append, None, Fault::Panic);
    let answer = report(&scene.payouts(), id(1), delivered()).await;
    assert!(matches!(answer, Err(ReportError::Unavailable(_))), "{answer:?}");
    let exit = scene.started.system.exited().await;
    assert!(exit.starts_with("a group commit queue failed"), "{exit}");
    assert_eq!(scene.started.system.exited().await, exit, "and it stays dead");
    assert_eq!(scene.journal.entries(id(1)), []);
    let end = scene.started.system.shutdown(SOON).await;
    assert!(matches!(end, Err(ShutdownError::Exited(_))));
}
