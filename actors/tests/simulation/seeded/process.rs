//! One simulated process, from its start until it is killed or shut down.

use std::time::Duration;

use payoutd_actors::handle::PayoutsHandle;
use payoutd_actors::ports::{Clock, Journal};
use payoutd_actors::supervisor::SupervisorConfig;
use payoutd_actors::testing::{Call, Fault, ManualClock, Random, TestSystem, sample, start_test_system};
use payoutd_domain::{FailedFunds, Mode, NewPayout, PayoutId, ReportKey, ReportKind};

use super::broker::Broker;
use super::checker::{Checker, TraceEvent};
use super::coverage::{Coverage, OTHER_PROCESS};

/// The number of quotes. The first is a sandbox quote.
pub(crate) const QUOTES: u64 = 5;
/// The number of payouts that compete for each quote.
const COMPETITORS: u64 = 3;

/// The time limit of the liveness phase. It exceeds the retry delays of the intake and the quarantine.
const LIVENESS_LIMIT: Duration = Duration::from_secs(60);
const ROUND: Duration = Duration::from_millis(40);

/// The state that outlives a process.
pub(crate) struct Environment {
    pub(crate) random: Random,
    pub(crate) clock: ManualClock,
    pub(crate) checker: Checker,
    pub(crate) broker: Broker,
    pub(crate) coverage: Coverage,
}

/// A running process, and a second one if that has taken over the database.
pub(crate) struct Process<'a> {
    environment: &'a mut Environment,
    system: TestSystem,
    other: Option<TestSystem>,
    /// The number of other processes so far.
    others: u32,
    prefetch: usize,
}

impl<'a> Process<'a> {
    pub(crate) async fn start(environment: &'a mut Environment) -> Self {
        let config = config(&mut environment.random);
        let prefetch = usize::try_from(1 + environment.random.below(12)).unwrap_or(1);
        let system = start_test_system(&environment.checker.journal, &environment.clock, config).await;
        Self { environment, system, other: None, others: 0, prefetch }
    }

    fn payouts(&self) -> PayoutsHandle {
        self.system.payouts.clone()
    }

    fn below(&mut self, end: u64) -> u64 {
        self.environment.random.below(end)
    }

    /// Runs random steps under faults, and returns while tasks are still running. Dropping the runtime then kills them.
    pub(crate) async fn run_until_killed(mut self, steps: u64) {
        for _ in 0..steps {
            self.step().await;
            self.deliver_messages();
        }
        // Lets the tasks reach different await points.
        for _ in 0..self.below(25) {
            tokio::task::yield_now().await;
        }
        for process in [Some(self.system), self.other].into_iter().flatten() {
            let mut running = process.actors;
            let exit = tokio::time::timeout(Duration::ZERO, running.exited()).await;
            assert!(exit.is_err(), "I13: the supervisor or a group commit queue has exited: {exit:?}");
        }
    }

    async fn step(&mut self) {
        match self.below(26) {
            0..3 => self.create(),
            3..11 => self.publish(),
            11..14 => self.poll(),
            14 => self.subscribe(),
            15 => self.sweep(),
            16 => self.inject_panic(),
            17 => self.corrupt_journal(),
            18 => self.inject_broker_fault(),
            19 => self.transfer_database().await,
            _ => self.advance_time(60).await,
        }
    }

    fn create(&mut self) {
        let (competitor, quote) = (self.below(COMPETITORS), self.below(QUOTES));
        let payout = payout_of(competitor, quote);
        let (payouts, checker) = (self.payouts(), self.environment.checker.clone());
        tokio::spawn(async move { checker.create(&payouts, &payout).await });
    }

    /// A random payout, usually one that exists.
    fn random_payout(&mut self) -> PayoutId {
        let ids = self.environment.checker.journal.ids();
        let (competitor, quote) = (self.below(COMPETITORS), self.below(QUOTES));
        let unknown = payout_of(competitor, quote).id;
        let random = &mut self.environment.random;
        if random.chance(92) { random.pick(&ids).copied().unwrap_or(unknown) } else { unknown }
    }

    fn publish(&mut self) {
        let payout = self.random_payout();
        let Environment { random, checker, broker, .. } = &mut *self.environment;
        let sandbox = checker.journal.row(payout).is_some_and(|row| row.payout.terms.mode == Mode::Test);
        let mode = if sandbox != random.chance(4) { Mode::Test } else { Mode::Live };
        let second = random.below(1_200);
        let sent = checker.reports_sent() as u64;
        let report = if sent > 0 && random.chance(8) {
            usize::try_from(random.below(sent)).unwrap_or(0)
        } else {
            let seen = i64::try_from(second).unwrap_or(0);
            let mut report = sample::report(&sent.to_string(), seen, kind(random, second));
            let source = if mode == Mode::Test { "simulator/sample" } else { "watcher/sample" };
            report.key = ReportKey { source: source.into(), ..report.key };
            checker.record_sent(payout, mode, report)
        };
        broker.publish(report, random);
    }

    fn deliver_messages(&mut self) {
        let other = self.other.as_ref().map(|other| other.payouts.clone());
        let consumers: Vec<_> = std::iter::once(self.payouts()).chain(other).collect();
        self.environment.broker.deliver_messages(&consumers, self.prefetch, &mut self.environment.random);
    }

    fn poll(&mut self) {
        let payout = self.random_payout();
        let listed = self.environment.random.chance(40);
        let (payouts, checker) = (self.payouts(), self.environment.checker.clone());
        tokio::spawn(async move {
            match listed {
                true => checker.list(&payouts, payout).await,
                false => checker.poll(&payouts, payout).await,
            }
        });
    }

    fn subscribe(&mut self) {
        let payout = self.random_payout();
        let (payouts, checker) = (self.payouts(), self.environment.checker.clone());
        tokio::spawn(async move { checker.subscribe(&payouts, payout).await });
    }

    fn sweep(&self) {
        let (payouts, journal) = (self.payouts(), self.environment.checker.journal.clone());
        let clock = self.environment.clock.clone();
        tokio::spawn(async move {
            for due in journal.due(clock.now(), 10).await.unwrap_or_default() {
                let _ = payouts.due_passed(due).await;
            }
        });
    }

    fn inject_panic(&self) {
        self.environment.clock.panic_next(1);
    }

    fn corrupt_journal(&mut self) {
        let (payout, times) = (self.random_payout(), 1 + self.below(4));
        let times = u32::try_from(times).unwrap_or(1);
        self.environment.checker.journal.faults().times(
            times,
            Call::Load,
            Some(payout),
            Fault::CorruptJournal,
        );
    }

    fn inject_broker_fault(&mut self) {
        match self.below(5) {
            0 => self.environment.broker.drop_connection(),
            1 => self.environment.broker.block(),
            _ => self.environment.broker.unblock(),
        }
    }

    /// Transfers the database to another process, or back. This process keeps running in the meantime: the store must
    /// refuse its writes to payouts that the other process has written.
    async fn transfer_database(&mut self) {
        if self.other.take().is_some() {
            self.environment.checker.note(TraceEvent::Process("takes back the database"));
            self.payouts().evict_all().await;
        } else if self.environment.random.chance(60) {
            self.environment.coverage.add(OTHER_PROCESS, 1);
            self.environment.checker.note(TraceEvent::Process("loses the database"));
            self.payouts().disable_memory_reads();
            let config = config(&mut self.environment.random);
            self.others += 1;
            let journal = self.environment.checker.journal.for_process(self.others);
            self.other = Some(start_test_system(&journal, &self.environment.clock, config).await);
        }
    }

    async fn advance_time(&mut self, limit_millis: u64) {
        let time = Duration::from_millis(self.below(limit_millis));
        // Payouts take minutes and their processing takes milliseconds, so the clock runs faster than the runtime.
        let factor = if self.environment.random.chance(10) { 10_000 } else { 100 };
        self.environment.clock.advance(time * factor);
        tokio::time::sleep(time).await;
    }

    /// Runs without faults until every published report has a final outcome, shuts the process down, and checks that no
    /// task is left.
    pub(crate) async fn run_until_drained(mut self) {
        for quote in 0..QUOTES {
            let (payouts, checker) = (self.payouts(), self.environment.checker.clone());
            checker.create(&payouts, &payout_of(COMPETITORS, quote)).await;
        }
        self.environment.broker.unblock();
        let started_at = tokio::time::Instant::now();
        while !self.environment.broker.is_drained() && started_at.elapsed() < LIVENESS_LIMIT {
            self.deliver_messages();
            tokio::time::sleep(ROUND).await;
        }
        self.environment.broker.assert_drained(&mut self.environment.coverage);
        for payout in self.environment.checker.journal.ids() {
            let read = self.environment.checker.poll(&self.payouts(), payout).await;
            assert_eq!(read, Ok(()), "I10: every payout can be read");
        }
        let shutdown = self.system.actors.shutdown(Duration::from_secs(10)).await;
        assert_eq!(shutdown, Ok(()), "I13: the process shuts down in order");
        drop(self.system.payouts);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let left = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        assert_eq!(left, 0, "I11: no task is left");
    }
}

/// The payout of a competitor for a quote. Each payout id belongs to one quote only.
fn payout_of(competitor: u64, quote: u64) -> NewPayout {
    let payout = sample::payout_of_quote(competitor * QUOTES + quote, quote);
    if quote == 0 { sample::in_mode(payout, Mode::Test) } else { payout }
}

fn config(random: &mut Random) -> SupervisorConfig {
    SupervisorConfig {
        max_live: usize::try_from(1 + random.below(6)).unwrap_or(1),
        idle_after: Duration::from_millis(1 + random.below(400)),
        ended_after: Duration::from_millis(1 + random.below(50)),
        passivation_interval: Duration::from_millis(2 + random.below(100)),
        failure_limit: 3,
        quarantine: Duration::from_millis(300),
    }
}

/// A random report at this second. Some reports estimate the same delivery time, so that ties occur.
fn kind(random: &mut Random, second: u64) -> ReportKind {
    let hash = format!("0x0{}", random.below(4));
    let to_common_time = 1_300 - second;
    let seconds = if random.chance(25) { to_common_time } else { random.below(900) };
    let seconds = random.chance(70).then(|| u32::try_from(seconds).unwrap_or(0));
    match random.below(10) {
        0..3 => sample::broadcast(&hash, seconds),
        3..7 => sample::progress(seconds),
        7 => sample::delivered(&hash),
        8 => sample::failed(random.chance(50), Some(FailedFunds::Returned)),
        _ => sample::failed(true, None),
    }
}
