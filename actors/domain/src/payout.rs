//! One payout: its terms, its state, its timeline and the keys of the reports recorded for it.

use std::collections::HashSet;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{
    Cause, Change, ChangeKind, Decision, Due, Entry, Estimate, Event, Facts, IllegalEvent, NewPayout,
    Outcome, Pending, Refusal, Report, ReportKey, Sequence, Snapshot, State, Status, TimelineEntry,
    Timestamp, Unchanged, Version,
};

/// One payout, as the replay of its journal. Exactly one actor owns it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payout {
    created: Arc<NewPayout>,
    version: Version,
    sequence: Sequence,
    state: State,
    timeline: Vec<TimelineEntry>,
    attention: Option<Refusal>,
    recorded_keys: HashSet<KeyDigest>,
}

impl Payout {
    /// A payout right after its creation: pending, with the estimate of the quote.
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
            recorded_keys: HashSet::new(),
        }
    }

    /// Replays a journal.
    ///
    /// # Errors
    /// Returns `IllegalEvent` if an entry does not follow the one before it.
    pub fn replay(created: Arc<NewPayout>, entries: &[Entry]) -> Result<Self, IllegalEvent> {
        let mut payout = Self::new(created);
        for entry in entries {
            payout.apply(entry)?;
        }
        Ok(payout)
    }

    /// Decides what `report` changes, at the time `now` of this process. Changes nothing itself.
    #[must_use]
    pub fn decide(&self, report: &Report, now: Timestamp) -> Decision {
        if self.recorded_keys.contains(&KeyDigest::of(&report.key)) {
            return Decision::Unchanged(Unchanged::Repeat);
        }
        let last_at = self.timeline.last().map_or(self.created.created_at, |entry| entry.at);
        self.state.decide(&Facts { route: &self.created.terms.route, last_at, now }, report)
    }

    /// The event to record if the estimated delivery time has passed and that is not recorded yet.
    #[must_use]
    pub fn decide_due(&self, now: Timestamp) -> Option<Event> {
        self.state.due().filter(|due| due.passed(now)).map(|_| Event::Late)
    }

    /// The next journal entry, which records `decision`.
    #[must_use]
    pub fn entry(&self, cause: Cause, decision: Decision, recorded_at: Timestamp) -> Entry {
        let outcome = Outcome::from(&decision);
        let events = match decision {
            Decision::Apply(events) => events,
            Decision::Unchanged(_) | Decision::Refused(_) => Vec::new(),
        };
        Entry { version: self.version.next(), recorded_at, cause, outcome, events }
    }

    /// Applies a committed entry, and returns one change for each of its events.
    ///
    /// # Errors
    /// Returns `IllegalEvent` if the entry is not the next one, or contains an event that is impossible in the
    /// current state. The payout must be discarded then: it may be partly changed.
    pub fn apply(&mut self, entry: &Entry) -> Result<Vec<Change>, IllegalEvent> {
        if entry.version != self.version.next()
            || entry.events.is_empty() == (entry.outcome == Outcome::Applied)
        {
            return Err(IllegalEvent);
        }
        self.version = entry.version;
        if let Cause::Report(report) = &entry.cause {
            self.recorded_keys.insert(KeyDigest::of(&report.key));
            if entry.outcome == Outcome::Unchanged(Unchanged::NothingNew) {
                let route = &self.created.terms.route;
                self.state = self.state.clone().refreshed(route, report, entry.recorded_at);
            }
        }
        if let Outcome::Refused(refusal) = entry.outcome {
            self.attention = Some(refusal);
        }
        entry.events.iter().map(|event| self.apply_event(event, entry.recorded_at)).collect()
    }

    fn apply_event(&mut self, event: &Event, recorded_at: Timestamp) -> Result<Change, IllegalEvent> {
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

    /// The payout as partners and operators may see it now.
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

    /// The data that never change.
    #[must_use]
    pub fn created(&self) -> &Arc<NewPayout> {
        &self.created
    }

    /// The version of the newest journal entry.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// The sequence number of the newest change.
    #[must_use]
    pub fn sequence(&self) -> Sequence {
        self.sequence
    }

    /// The current state.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }
}

impl Change {
    /// The first change of every payout: its creation.
    #[must_use]
    pub fn creation(created: Arc<NewPayout>) -> Self {
        let recorded_at = created.created_at;
        let snapshot = Arc::new(Payout::new(created).snapshot());
        Self { kind: ChangeKind::Created, recorded_at, previous_status: None, snapshot }
    }
}

/// The first 128 bits of the SHA-256 digest of a report's key. Repeats are recognised by it, at a fixed size per report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct KeyDigest([u8; 16]);

impl KeyDigest {
    fn of(key: &ReportKey) -> Self {
        let mut hasher = Sha256::new();
        // With the length in front, ("ab", "c") and ("a", "bc") differ.
        hasher.update((key.source.len() as u64).to_le_bytes());
        hasher.update(key.source.as_bytes());
        hasher.update(key.id.as_bytes());
        let mut digest = [0; 16];
        digest.copy_from_slice(&hasher.finalize()[..16]);
        Self(digest)
    }
}
