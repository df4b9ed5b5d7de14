//! What a payout looked like after each of its changes, out of its journal.

use payoutd_actors::payout::{Change, IllegalEvent, Payout, Sequence, Timestamp};
use payoutd_actors::ports::Stored;
use std::sync::Arc;

use super::EventType;

/// One change, and when it was recorded.
pub(super) struct Told {
    pub(super) change: Change,
    pub(super) kind: EventType,
    pub(super) recorded_at: Timestamp,
}

impl Told {
    pub(super) fn sequence(&self) -> Sequence {
        self.change.snapshot.sequence
    }
}

/// Everything there is to tell of a payout, oldest first.
pub(super) fn history(stored: &Stored) -> Result<Vec<Told>, IllegalEvent> {
    let mut payout = Payout::new(Arc::clone(&stored.created));
    let mut told = Vec::new();
    for entry in &stored.entries {
        for change in payout.apply(entry)? {
            if let Some(kind) = EventType::of(change.kind) {
                told.push(Told { change, kind, recorded_at: entry.recorded_at });
            }
        }
    }
    Ok(told)
}
