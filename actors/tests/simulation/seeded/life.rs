//! One life of the process: from its start to its death, or to its end in order.

use std::time::Duration;

use payoutd_actors::handle::PayoutsHandle;
use payoutd_actors::ports::{Clock, Journal};
use payoutd_actors::supervisor::SupervisorConfig;
use payoutd_actors::testing::{Call, Fault, ManualClock, Random, TestSystem, sample, start_test_system};
use payoutd_domain::{FailedFunds, Mode, NewPayout, PayoutId, ReportKey, ReportKind};

use super::broker::Broker;
use super::coverage::{Coverage, OTHER_PROCESS};
use super::witness::{Line, Witness};

/// Quotes, of which the first is a sandbox quote; and payouts that race for each.
pub(crate) const QUOTES: u64 = 5;
const RACERS: u64 = 3;

/// Longer than anything takes once everything works: pauses of the intake, quarantines and handovers.
const SECOND_COMMIT_AFTER: Duration = Duration::from_secs(60);
const ROUND: Duration = Duration::from_millis(40);

/// What survives a life.
pub(crate) struct Around {
    pub(crate) random: Random,
    pub(crate) clock: ManualClock,
    pub(crate) witness: Witness,
    pub(crate) broker: Broker,
    pub(crate) coverage: Coverage,
}

/// A running process, and sometimes a second one that took over its database.
pub(crate) struct Life<'a> {
    around: &'a mut Around,
    started: TestSystem,
    other: Option<TestSystem>,
    /// How many there were.
    others: u32,
    prefetch: usize,
}

impl<'a> Life<'a> {
    pub(crate) async fn begin(around: &'a mut Around) -> Self {
        let config = config(&mut around.random);
        let prefetch = usize::try_from(1 + around.random.below(12)).unwrap_or(1);
        let started = start_test_system(&around.witness.journal, &around.clock, config).await;
        Self { around, started, other: None, others: 0, prefetch }
    }

    fn payouts(&self) -> PayoutsHandle {
        self.started.payouts.clone()
    }

    fn below(&mut self, end: u64) -> u64 {
        self.around.random.below(end)
    }

    /// Anything may happen, and anything may go wrong, until the process dies in the middle of it.
    pub(crate) async fn live_and_die(mut self, steps: u64) {
        for _ in 0..steps {
            self.step().await;
            self.turn();
        }
        // At whatever await everybody is by then.
        for _ in 0..self.below(25) {
            tokio::task::yield_now().await;
        }
        for process in [Some(self.started), self.other].into_iter().flatten() {
            let mut running = process.system;
            let exit = tokio::time::timeout(Duration::ZERO, running.exited()).await;
            assert!(exit.is_err(), "I13: a part that all depends on has died: {exit:?}");
        }
    }

    async fn step(&mut self) {
        match self.below(26) {
            0..3 => self.create(),
            3..11 => self.publish(),
            11..14 => self.poll(),
            14 => self.follow(),
            15 => self.sweep(),
            16 => self.panic_somewhere(),
            17 => self.damage(),
            18 => self.trouble_the_broker(),
            19 => self.change_hands().await,
            _ => self.pass_time(60).await,
        }
    }

    fn create(&mut self) {
        let (racer, quote) = (self.below(RACERS), self.below(QUOTES));
        let payout = payout_of(racer, quote);
        let (payouts, witness) = (self.payouts(), self.around.witness.clone());
        tokio::spawn(async move { witness.create(&payouts, &payout).await });
    }

    /// Somebody's payout: mostly one that exists.
    fn anybody(&mut self) -> PayoutId {
        let ids = self.around.witness.journal.ids();
        let (racer, quote) = (self.below(RACERS), self.below(QUOTES));
        let unknown = payout_of(racer, quote).id;
        let random = &mut self.around.random;
        if random.chance(92) { random.pick(&ids).copied().unwrap_or(unknown) } else { unknown }
    }

    fn publish(&mut self) {
        let payout = self.anybody();
        let Around { random, witness, broker, .. } = &mut *self.around;
        let sandbox = witness.journal.row(payout).is_some_and(|row| row.payout.terms.mode == Mode::Test);
        let mode = if sandbox != random.chance(4) { Mode::Test } else { Mode::Live };
        let second = random.below(1_200);
        let known = witness.sent_so_far() as u64;
        let report = if known > 0 && random.chance(8) {
            usize::try_from(random.below(known)).unwrap_or(0)
        } else {
            let seen = i64::try_from(second).unwrap_or(0);
            let mut report = sample::report(&known.to_string(), seen, kind(random, second));
            let source = if mode == Mode::Test { "simulator/sample" } else { "watcher/sample" };
            report.key = ReportKey { source: source.into(), ..report.key };
            witness.sends(payout, mode, report)
        };
        broker.publish(report, random);
    }

    fn turn(&mut self) {
        let other = self.other.as_ref().map(|other| other.payouts.clone());
        let consumers: Vec<_> = std::iter::once(self.payouts()).chain(other).collect();
        self.around.broker.turn(&consumers, self.prefetch, &mut self.around.random);
    }

    fn poll(&mut self) {
        let payout = self.anybody();
        let listed = self.around.random.chance(40);
        let (payouts, witness) = (self.payouts(), self.around.witness.clone());
        tokio::spawn(async move {
            match listed {
                true => witness.list(&payouts, payout).await,
                false => witness.poll(&payouts, payout).await,
            }
        });
    }

    fn follow(&mut self) {
        let payout = self.anybody();
        let (payouts, witness) = (self.payouts(), self.around.witness.clone());
        tokio::spawn(async move { witness.follow(&payouts, payout).await });
    }

    fn sweep(&self) {
        let (payouts, journal) = (self.payouts(), self.around.witness.journal.clone());
        let clock = self.around.clock.clone();
        tokio::spawn(async move {
            for due in journal.due(clock.now(), 10).await.unwrap_or_default() {
                let _ = payouts.due_passed(due).await;
            }
        });
    }

    fn panic_somewhere(&self) {
        self.around.clock.panic_next(1);
    }

    fn damage(&mut self) {
        let (payout, times) = (self.anybody(), 1 + self.below(4));
        let times = u32::try_from(times).unwrap_or(1);
        self.around.witness.journal.faults().times(times, Call::Load, Some(payout), Fault::CorruptJournal);
    }

    fn trouble_the_broker(&mut self) {
        match self.below(5) {
            0 => self.around.broker.drop_connection(),
            1 => self.around.broker.block(),
            _ => self.around.broker.unblock(),
        }
    }

    /// The database goes to another process for a while, and comes back. Ours does not stop by itself: what it still
    /// writes must be refused wherever the other was first.
    async fn change_hands(&mut self) {
        if self.other.take().is_some() {
            self.around.witness.note(Line::Process("takes the database back"));
            self.payouts().evict_all().await;
        } else if self.around.random.chance(60) {
            self.around.coverage.add(OTHER_PROCESS, 1);
            self.around.witness.note(Line::Process("loses the database to another"));
            self.payouts().disable_memory_reads();
            let config = config(&mut self.around.random);
            self.others += 1;
            let journal = self.around.witness.journal.for_process(self.others);
            self.other = Some(start_test_system(&journal, &self.around.clock, config).await);
        }
    }

    async fn pass_time(&mut self, most_millis: u64) {
        let time = Duration::from_millis(self.below(most_millis));
        // Payouts take minutes, everything that handles them milliseconds.
        let faster = if self.around.random.chance(10) { 10_000 } else { 100 };
        self.around.clock.advance(time * faster);
        tokio::time::sleep(time).await;
    }

    /// Everything works: whatever was sent comes to its end, and the process ends in order and leaves nothing behind.
    pub(crate) async fn live_on_and_end(mut self) {
        for quote in 0..QUOTES {
            let (payouts, witness) = (self.payouts(), self.around.witness.clone());
            witness.create(&payouts, &payout_of(RACERS, quote)).await;
        }
        self.around.broker.unblock();
        let began = tokio::time::Instant::now();
        while !self.around.broker.is_drained() && began.elapsed() < SECOND_COMMIT_AFTER {
            self.turn();
            tokio::time::sleep(ROUND).await;
        }
        self.around.broker.assert_drained(&mut self.around.coverage);
        for payout in self.around.witness.journal.ids() {
            let read = self.around.witness.poll(&self.payouts(), payout).await;
            assert_eq!(read, Ok(()), "I10: every payout can be read");
        }
        let ended = self.started.system.shutdown(Duration::from_secs(10)).await;
        assert_eq!(ended, Ok(()), "I13: it ends in order");
        drop(self.started.payouts);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let left = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        assert_eq!(left, 0, "I11: no task is left behind");
    }
}

/// A payout id belongs to one quote for ever, as ids are never used twice.
fn payout_of(racer: u64, quote: u64) -> NewPayout {
    let payout = sample::payout_of_quote(racer * QUOTES + quote, quote);
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

/// What a watcher says, at this second. Every now and then several of them name one and the same moment of delivery.
fn kind(random: &mut Random, second: u64) -> ReportKind {
    let hash = format!("0x0{}", random.below(4));
    let to_one_moment = 1_300 - second;
    let seconds = if random.chance(25) { to_one_moment } else { random.below(900) };
    let seconds = random.chance(70).then(|| u32::try_from(seconds).unwrap_or(0));
    match random.below(10) {
        0..3 => sample::broadcast(&hash, seconds),
        3..7 => sample::progress(seconds),
        7 => sample::delivered(&hash),
        8 => sample::failed(random.chance(50), Some(FailedFunds::Returned)),
        _ => sample::failed(true, None),
    }
}
