//! What shall go wrong, and when.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::Random;
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

/// What goes wrong with one call.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Nothing is done and the store says so.
    Unavailable,
    /// Everything is committed, and the answer is lost: `Unknown`.
    LoseAnswer,
    /// Nothing is committed, and nobody knows: `Unknown`.
    LoseRequest,
    /// The store says `Unknown` at once, and commits everything a while later all the same.
    LandLate(Duration),
    /// The store could not serialize the transaction; nothing is written, ask again.
    Serialization,
    /// The call takes its time: half of it before its work, half of it before its answer.
    Slow(Duration),
    /// The store refuses the whole batch; nothing is written.
    Reject,
    /// The journal itself panics before it does anything, which takes its lane of group commit with it.
    Panic,
    /// Loaded payouts come with a journal that does not fit, so that their actors fail.
    Damage,
    /// The call waits until the gate opens, and only then does its work.
    HangBefore(Gate),
    /// The call does its work and waits until the gate opens before it answers.
    HangAfter(Gate),
}

impl Fault {
    /// What it is counted as.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unavailable => "store unavailable",
            Self::LoseAnswer => "answer of the store lost",
            Self::LoseRequest => "request to the store lost",
            Self::LandLate(_) => "commit landed late",
            Self::Serialization => "serialization failure",
            Self::Slow(_) => "store slow",
            Self::Reject => "batch refused",
            Self::Panic => "store panicked",
            Self::Damage => "journal damaged",
            Self::HangBefore(_) | Self::HangAfter(_) => "store hung",
        }
    }
}

/// Holds calls up until it is opened. Clones are the same gate.
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

    /// Lets everybody through, for ever.
    pub fn open(&self) {
        self.0.close();
    }

    /// Waits until it is open.
    pub async fn pass(&self) {
        // Permits are never handed out: the only way on is the closed semaphore's error.
        let _ = self.0.acquire().await;
    }
}

/// How often which fault happens by itself, in percent of calls.
#[derive(Debug, Clone, Copy, Default)]
pub struct Odds {
    /// [`Fault::Unavailable`]
    pub unavailable: u64,
    /// [`Fault::LoseAnswer`]
    pub lose_answer: u64,
    /// [`Fault::LoseRequest`]
    pub lose_request: u64,
    /// [`Fault::LandLate`]
    pub land_late: u64,
    /// [`Fault::Serialization`]
    pub serialization: u64,
    /// [`Fault::Slow`]
    pub slow: u64,
    /// [`Fault::Reject`]
    pub reject: u64,
}

struct Scripted {
    call: Call,
    whose: Option<PayoutId>,
    fault: Fault,
    /// How many more calls it hits; `None` for all of them.
    times: Option<u32>,
}

/// The most that a slow store takes, and that a commit lands late.
const LONGEST_MILLIS: u64 = 200;

#[derive(Default)]
struct Plan {
    scripted: VecDeque<Scripted>,
    seeded: Option<(Random, Odds)>,
    fired: BTreeMap<&'static str, u64>,
}

/// A script of faults, and seeded ones where the script says nothing. Clones are the same plan.
#[derive(Clone, Default)]
pub struct FaultPlan(Arc<Mutex<Plan>>);

impl FaultPlan {
    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next `call` that touches `whose` (`None`: anybody) goes wrong.
    pub fn once(&self, call: Call, whose: Option<PayoutId>, fault: Fault) {
        self.times(1, call, whose, fault);
    }

    /// The next `times` such calls go wrong.
    pub fn times(&self, times: u32, call: Call, whose: Option<PayoutId>, fault: Fault) {
        self.plan().scripted.push_back(Scripted { call, whose, fault, times: Some(times) });
    }

    /// Every such call goes wrong, until [`clear`](Self::clear).
    pub fn always(&self, call: Call, whose: Option<PayoutId>, fault: Fault) {
        self.plan().scripted.push_back(Scripted { call, whose, fault, times: None });
    }

    /// Calls go wrong at random, the same way for the same seed and the same calls.
    pub fn seed(&self, seed: u64, odds: Odds) {
        self.plan().seeded = Some((Random::new(seed), odds));
    }

    /// From now on everything works.
    pub fn clear(&self) {
        let mut plan = self.plan();
        let fired = std::mem::take(&mut plan.fired);
        *plan = Plan { fired, ..Plan::default() };
    }

    /// How often what went wrong so far, by [name](Fault::name).
    #[must_use]
    pub fn fired(&self) -> BTreeMap<&'static str, u64> {
        self.plan().fired.clone()
    }

    /// Whether every scripted fault with a number of times has happened.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.plan().scripted.iter().all(|scripted| scripted.times.is_none())
    }

    /// Which of the loaded payouts come damaged.
    pub(super) fn damaged(&self, loaded: &[PayoutId]) -> HashSet<PayoutId> {
        let mut plan = self.plan();
        let mut damaged = HashSet::new();
        for scripted in plan.scripted.iter_mut().filter(|scripted| matches!(scripted.fault, Fault::Damage)) {
            let hit = loaded.iter().filter(|id| scripted.whose.is_none_or(|whose| whose == **id));
            let before = damaged.len();
            damaged.extend(hit.copied());
            if let Some(times) = scripted.times.as_mut().filter(|_| damaged.len() > before) {
                *times -= 1;
            }
        }
        plan.scripted.retain(|scripted| scripted.times != Some(0));
        if !damaged.is_empty() {
            *plan.fired.entry(Fault::Damage.name()).or_default() += 1;
        }
        damaged
    }

    /// What else shall go wrong with this call.
    pub(super) fn strike(&self, call: Call, touched: &[PayoutId]) -> Option<Fault> {
        let mut plan = self.plan();
        let fault = plan.scripted(call, touched).or_else(|| plan.by_chance())?;
        *plan.fired.entry(fault.name()).or_default() += 1;
        Some(fault)
    }
}

impl Plan {
    fn scripted(&mut self, call: Call, touched: &[PayoutId]) -> Option<Fault> {
        let index = self.scripted.iter().position(|scripted| {
            scripted.call == call
                && !matches!(scripted.fault, Fault::Damage)
                && scripted.whose.is_none_or(|id| touched.contains(&id))
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

    fn by_chance(&mut self) -> Option<Fault> {
        let (random, odds) = self.seeded.as_mut()?;
        let mut roll = random.below(100);
        let time = Duration::from_millis(1 + random.below(LONGEST_MILLIS));
        let faults = [
            (odds.unavailable, Fault::Unavailable),
            (odds.lose_answer, Fault::LoseAnswer),
            (odds.lose_request, Fault::LoseRequest),
            (odds.land_late, Fault::LandLate(time)),
            (odds.serialization, Fault::Serialization),
            (odds.slow, Fault::Slow(time)),
            (odds.reject, Fault::Reject),
        ];
        for (share, fault) in faults {
            if roll < share {
                return Some(fault);
            }
            roll -= share;
        }
        None
    }
}
