//! The payout: a synchronous, pure state machine. No clock, no ids, no I/O, no logging.
//!
//! A payout changes only through [`Payout::decide`] (what does this report mean?), a commit of the resulting
//! [`Entry`] by somebody else, and [`Payout::apply`]. Restoring one is applying its journal again.

#![warn(missing_docs)]

mod account;
mod address_family;
mod broadcast;
mod change;
mod decision;
mod delivered;
mod estimate;
mod event;
mod failed;
mod id;
mod moment;
mod money;
mod pending;
mod report;
mod snapshot;
mod state;
mod terms;

use std::collections::HashSet;
use std::sync::Arc;

use sha2::{Digest, Sha256};

pub use account::Account;
pub use address_family::AddressFamily;
pub use broadcast::{Broadcast, MAX_TRANSACTIONS};
pub use change::{Change, ChangeKind};
pub use decision::{Cause, Decision, Entry, Outcome, Refusal, Unchanged};
pub use delivered::Delivered;
pub use estimate::{CLOCK_TOLERANCE_SECONDS, Due, Estimate, remaining_seconds, report_time};
pub use event::{Event, Failure};
pub use failed::Failed;
pub use id::{InvalidId, Mode, OrgId, PayoutId, QuoteId, Sequence, TrackingToken, Version};
pub use moment::{InvalidTimestamp, Timestamp};
pub use money::{Amount, InvalidAmount, Usd};
pub use pending::Pending;
pub use report::{
    BroadcastReport, DeliveredReport, FailedFunds, FailedReport, Leg, ProgressReport, Report, ReportKey,
    ReportKind, Transaction, TxHash,
};
pub use snapshot::{Funds, FundsLocation, Snapshot, TimelineEntry};
pub use state::{Facts, State, Status};
pub use terms::{Network, NewPayout, Route, Terms};

/// A journal entry that cannot follow the ones before it: the journal is damaged, or another payout's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the journal entry cannot follow the ones before it")]
pub struct IllegalEvent;

/// One payout with all it remembers. Owned by exactly one actor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payout {
    created: Arc<NewPayout>,
    version: Version,
    sequence: Sequence,
    state: State,
    timeline: Vec<TimelineEntry>,
    attention: Option<Refusal>,
    seen: HashSet<KeyDigest>,
}

impl Payout {
    /// A payout that was just created: pending, due when the quote said.
    #[must_use]
    pub fn new(created: Arc<NewPayout>) -> Self {
        let estimate = Estimate::at_creation(created.created_at, created.terms.route.estimated_seconds);
        let first = TimelineEntry {
            sequence: Sequence::FIRST,
            status: Status::Pending,
            at: created.created_at,
            tx_hash: None,
            network: None,
            inferred: false,
        };
        Self {
            created,
            version: Version::FIRST,
            sequence: Sequence::FIRST,
            state: State::Pending(Pending { due: Due { estimate, late: false } }),
            timeline: vec![first],
            attention: None,
            seen: HashSet::new(),
        }
    }

    /// The payout its journal tells of.
    ///
    /// # Errors
    /// Where the entries do not follow one another.
    pub fn replay(created: Arc<NewPayout>, entries: &[Entry]) -> Result<Self, IllegalEvent> {
        let mut payout = Self::new(created);
        for entry in entries {
            payout.apply(entry)?;
        }
        Ok(payout)
    }

    /// What `report` means to this payout, by our clock `now`. Changes nothing.
    #[must_use]
    pub fn decide(&self, report: &Report, now: Timestamp) -> Decision {
        if self.seen.contains(&KeyDigest::of(&report.key)) {
            return Decision::Unchanged(Unchanged::Repeat);
        }
        let last_at = self.timeline.last().map_or(self.created.created_at, |entry| entry.at);
        self.state.decide(&Facts { route: &self.created.terms.route, last_at, now }, report)
    }

    /// Whether the estimated delivery time has passed and that is news.
    #[must_use]
    pub fn decide_due(&self, now: Timestamp) -> Option<Event> {
        self.state.due().filter(|due| due.passed(now)).map(|_| Event::Late)
    }

    /// The journal entry that would record this decision next.
    #[must_use]
    pub fn entry(&self, cause: Cause, decision: Decision, recorded_at: Timestamp) -> Entry {
        let outcome = Outcome::from(&decision);
        let events = match decision {
            Decision::Apply(events) => events,
            Decision::Unchanged(_) | Decision::Refused(_) => Vec::new(),
        };
        Entry { version: self.version.next(), recorded_at, cause, outcome, events }
    }

    /// Takes a committed entry in, and returns a snapshot after each of its events.
    ///
    /// # Errors
    /// Where the entry is not the next one, or holds an event this state cannot have. The payout is then not to
    /// be used any more.
    pub fn apply(&mut self, entry: &Entry) -> Result<Vec<Change>, IllegalEvent> {
        if entry.version != self.version.next()
            || entry.events.is_empty() == (entry.outcome == Outcome::Applied)
        {
            return Err(IllegalEvent);
        }
        self.version = entry.version;
        if let Cause::Report(report) = &entry.cause {
            self.seen.insert(KeyDigest::of(&report.key));
            if entry.outcome == Outcome::Unchanged(Unchanged::NothingNew) {
                let route = &self.created.terms.route;
                self.state = self.state.clone().confirmed(route, report, entry.recorded_at);
            }
        }
        if let Outcome::Refused(refusal) = entry.outcome {
            self.attention = Some(refusal);
        }
        entry.events.iter().map(|event| self.change(event, entry.recorded_at)).collect()
    }

    fn change(&mut self, event: &Event, recorded_at: Timestamp) -> Result<Change, IllegalEvent> {
        let previous_status = self.state.status();
        self.state = self.state.clone().apply(event, recorded_at)?;
        self.sequence = self.sequence.next();
        self.timeline.extend(self.timeline_entry(event));
        Ok(Change {
            kind: event.into(),
            recorded_at,
            previous_status: Some(previous_status),
            snapshot: Arc::new(self.snapshot()),
        })
    }

    fn timeline_entry(&self, event: &Event) -> Option<TimelineEntry> {
        let (at, tx_hash, network, inferred) = match event {
            Event::Broadcast { at, transaction, inferred, .. } => {
                (*at, Some(&transaction.tx_hash), Some(&transaction.network), *inferred)
            }
            Event::TransactionSeen { at, transaction, .. } | Event::Delivered { at, transaction, .. } => {
                (*at, Some(&transaction.tx_hash), Some(&transaction.network), false)
            }
            Event::Failed { at, network, tx_hash, .. } => (*at, tx_hash.as_ref(), network.as_ref(), false),
            Event::EstimateMoved { .. } | Event::Late => return None,
        };
        Some(TimelineEntry {
            sequence: self.sequence,
            status: self.state.status(),
            at,
            tx_hash: tx_hash.cloned(),
            network: network.cloned(),
            inferred,
        })
    }

    /// What partners may see now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            payout: Arc::clone(&self.created),
            version: self.version,
            sequence: self.sequence,
            state: self.state.clone(),
            timeline: self.timeline.clone(),
            attention: self.attention,
        }
    }

    /// What never changes.
    #[must_use]
    pub fn created(&self) -> &Arc<NewPayout> {
        &self.created
    }

    /// How many inputs were recorded.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// The newest change partners can see.
    #[must_use]
    pub fn sequence(&self) -> Sequence {
        self.sequence
    }

    /// Where it is on its road.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }
}

/// 128 bits of SHA-256 over a report's key: the memory that recognises repeats, at a fixed size per report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct KeyDigest([u8; 16]);

impl KeyDigest {
    fn of(key: &ReportKey) -> Self {
        let mut hasher = Sha256::new();
        // The length keeps ("ab", "c") and ("a", "bc") apart.
        hasher.update((key.source.len() as u64).to_le_bytes());
        hasher.update(key.source.as_bytes());
        hasher.update(key.id.as_bytes());
        let mut digest = [0; 16];
        digest.copy_from_slice(&hasher.finalize()[..16]);
        Self(digest)
    }
}
