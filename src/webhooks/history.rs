//! What a payout looked like after each of its changes, out of its journal.

use payoutd_actors::ports::Stored;
use payoutd_domain::{Change, IllegalEvent, Sequence};

use super::EventType;

/// A change that webhook endpoints can subscribe to.
pub(super) struct Told {
    pub(super) change: Change,
    pub(super) kind: EventType,
}

impl Told {
    pub(super) fn sequence(&self) -> Sequence {
        self.change.snapshot.sequence
    }
}

/// Everything there is to tell of a payout, oldest first.
pub(super) fn history(stored: &Stored) -> Result<Vec<Told>, IllegalEvent> {
    let told = |change: Change| EventType::of(change.kind).map(|kind| Told { change, kind });
    Ok(stored.changes()?.into_iter().filter_map(told).collect())
}
