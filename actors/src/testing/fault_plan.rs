//! The faults of a memory journal: which, and in which calls.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::random::Random;
use payoutd_domain::PayoutId;

/// A kind of call to the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    /// [`Journal::load`](crate::ports::Journal::load)
    Load,
    /// [`Journal::create`](crate::ports::Journal::create)
    Create,
    /// [`Journal::append`](crate::ports::Journal::append)
    Append,
    /// [`Journal::due`](crate::ports::Journal::due)
    Due,
}

/// The fault of one call.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The call has no effect and returns `Unavailable`.
    Unavailable,
    /// Everything is committed, but the response is lost: the call returns `Unknown`.
    LoseResponse,
    /// Nothing is committed, because the request is lost: the call returns `Unknown`.
    LoseRequest,
    /// The call returns `Unknown` at once, and everything is committed after this time.
    DelayedCommit(Duration),
    /// The transaction fails with a serialization error. Nothing is written; the call may be repeated.
    Serialization,
    /// The call takes this time: one half before its work, the other before its response.
    Slow(Duration),
    /// The store rejects the whole batch. Nothing is written.
    Reject,
    /// The journal panics before it does anything, and so fails its group commit queue.
    Panic,
    /// Loaded payouts have an illegal entry at the end of their journal, so that their actors fail.
    CorruptJournal,
    /// The call does its work after the gate opens.
    HangBefore(Gate),
    /// The call does its work and responds after the gate opens.
    HangAfter(Gate),
}

impl Fault {
    /// The name under which the fault is counted.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unavailable => "store unavailable",
            Self::LoseResponse => "response of the store lost",
            Self::LoseRequest => "request to the store lost",
            Self::DelayedCommit(_) => "commit delayed",
            Self::Serialization => "serialization failure",
            Self::Slow(_) => "store slow",
            Self::Reject => "batch rejected",
            Self::Panic => "store panicked",
            Self::CorruptJournal => "journal corrupted",
            Self::HangBefore(_) | Self::HangAfter(_) => "store hung",
        }
    }

    fn is_corrupt_journal(&self) -> bool {
        matches!(self, Self::CorruptJournal)
    }
}

/// Blocks calls until it is opened. Clones share their state.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Semaphore>);

impl Default for Gate {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }
}

impl Gate {
    /// A closed gate.
    #[must_use]
    pub fn closed() -> Self {
        Self::default()
    }

    /// Opens the gate permanently.
    pub fn open(&self) {
        self.0.close();
    }

    /// Waits until the gate is open.
    pub async fn opened(&self) {
        // The semaphore has no permits, so this returns only with the error of the closed semaphore.
        let _ = self.0.acquire().await;
    }
}

/// The rate of each random fault, in percent of calls.
#[derive(Debug, Clone, Copy, Default)]
pub struct FaultRates {
    /// [`Fault::Unavailable`]
    pub unavailable: u64,
    /// [`Fault::LoseResponse`]
    pub lose_response: u64,
    /// [`Fault::LoseRequest`]
    pub lose_request: u64,
    /// [`Fault::DelayedCommit`]
    pub delayed_commit: u64,
    /// [`Fault::Serialization`]
    pub serialization: u64,
    /// [`Fault::Slow`]
    pub slow: u64,
    /// [`Fault::Reject`]
    pub reject: u64,
}

struct ScriptedFault {
    call: Call,
    /// Only calls for this payout fail; with `None`, all of them.
    payout: Option<PayoutId>,
    fault: Fault,
    /// The number of further calls that fail; `None` for all of them.
    times: Option<u32>,
}

/// The longest time of a slow call or a delayed commit.
const MAX_DELAY_MILLIS: u64 = 200;

#[derive(Default)]
struct Plan {
    scripted: VecDeque<ScriptedFault>,
    random: Option<(Random, FaultRates)>,
    injected: BTreeMap<&'static str, u64>,
}

/// Scripted faults, and random faults for the calls that have no scripted one. Clones share the same plan.
#[derive(Clone, Default)]
pub struct FaultPlan(Arc<Mutex<Plan>>);

impl FaultPlan {
    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next `call` for `payout` (`None`: for any payout) has this fault.
    pub fn once(&self, call: Call, payout: Option<PayoutId>, fault: Fault) {
        self.times(1, call, payout, fault);
    }

    /// The next `times` such calls have this fault.
    pub fn times(&self, times: u32, call: Call, payout: Option<PayoutId>, fault: Fault) {
        self.plan().scripted.push_back(ScriptedFault { call, payout, fault, times: Some(times) });
    }

    /// Every such call has this fault until [`clear`](Self::clear).
    pub fn always(&self, call: Call, payout: Option<PayoutId>, fault: Fault) {
        self.plan().scripted.push_back(ScriptedFault { call, payout, fault, times: None });
    }

    /// Calls have random faults at these rates. The same seed and calls give the same faults.
    pub fn inject_randomly(&self, seed: u64, rates: FaultRates) {
        self.plan().random = Some((Random::new(seed), rates));
    }

    /// Removes all faults of the plan.
    pub fn clear(&self) {
        let mut plan = self.plan();
        let injected = std::mem::take(&mut plan.injected);
        *plan = Plan { injected, ..Plan::default() };
    }

    /// The number of faults injected so far, by [name](Fault::name).
    #[must_use]
    pub fn injected(&self) -> BTreeMap<&'static str, u64> {
        self.plan().injected.clone()
    }

    /// Whether every scripted fault with a number of times was injected that many times.
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        self.plan().scripted.iter().all(|scripted| scripted.times.is_none())
    }

    /// The loaded payouts that get an illegal entry.
    pub(super) fn corrupted(&self, loaded: &[PayoutId]) -> HashSet<PayoutId> {
        let mut plan = self.plan();
        let mut corrupted = HashSet::new();
        for scripted in plan.scripted.iter_mut().filter(|scripted| scripted.fault.is_corrupt_journal()) {
            let affected = loaded.iter().filter(|id| scripted.affects(&[**id]));
            let before = corrupted.len();
            corrupted.extend(affected.copied());
            if let Some(times) = scripted.times.as_mut().filter(|_| corrupted.len() > before) {
                *times -= 1;
            }
        }
        plan.scripted.retain(|scripted| scripted.times != Some(0));
        if !corrupted.is_empty() {
            *plan.injected.entry(Fault::CorruptJournal.name()).or_default() += 1;
        }
        corrupted
    }

    /// The fault of this call, other than a corrupt journal.
    pub(super) fn next_fault(&self, call: Call, payouts: &[PayoutId]) -> Option<Fault> {
        let mut plan = self.plan();
        let fault = plan.scripted(call, payouts).or_else(|| plan.random())?;
        *plan.injected.entry(fault.name()).or_default() += 1;
        Some(fault)
    }
}

impl ScriptedFault {
    fn affects(&self, payouts: &[PayoutId]) -> bool {
        self.payout.is_none_or(|id| payouts.contains(&id))
    }
}

impl Plan {
    fn scripted(&mut self, call: Call, payouts: &[PayoutId]) -> Option<Fault> {
        let index = self.scripted.iter().position(|scripted| {
            scripted.call == call && !scripted.fault.is_corrupt_journal() && scripted.affects(payouts)
        })?;
        let scripted = self.scripted.get_mut(index)?;
        let fault = scripted.fault.clone();
        if let Some(times) = &mut scripted.times {
            *times -= 1;
            if *times == 0 {
                self.scripted.remove(index);
            }
        }
        Some(fault)
    }

    fn random(&mut self) -> Option<Fault> {
        let (random, rates) = self.random.as_mut()?;
        let mut roll = random.below(100);
        let time = Duration::from_millis(1 + random.below(MAX_DELAY_MILLIS));
        let faults = [
            (rates.unavailable, Fault::Unavailable),
            (rates.lose_response, Fault::LoseResponse),
            (rates.lose_request, Fault::LoseRequest),
            (rates.delayed_commit, Fault::DelayedCommit(time)),
            (rates.serialization, Fault::Serialization),
            (rates.slow, Fault::Slow(time)),
            (rates.reject, Fault::Reject),
        ];
        for (rate, fault) in faults {
            if roll < rate {
                return Some(fault);
            }
            roll -= rate;
        }
        None
    }
}
