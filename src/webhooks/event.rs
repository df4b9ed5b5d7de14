//! The changes of a payout that webhook endpoints can subscribe to.

use payoutd_actors::ports::Stored;
use payoutd_domain::{Change, IllegalEvent, Sequence};

use super::EventType;

pub(super) struct WebhookEvent {
    pub(super) change: Change,
    pub(super) kind: EventType,
}

impl WebhookEvent {
    pub(super) fn sequence(&self) -> Sequence {
        self.change.snapshot.sequence
    }
}

/// The events of a payout in the order of their sequence, rebuilt from its journal.
///
/// # Errors
/// Returns `IllegalEvent` if the journal cannot be replayed.
pub(super) fn events(stored: &Stored) -> Result<Vec<WebhookEvent>, IllegalEvent> {
    let event = |change: Change| EventType::of(change.kind).map(|kind| WebhookEvent { change, kind });
    Ok(stored.changes()?.into_iter().filter_map(event).collect())
}
