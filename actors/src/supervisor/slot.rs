//! A payout's place in the supervisor: an actor, or messages that wait for the next one.

use ractor::{ActorRef, MessagingErr};
use tokio::time::Instant;

use crate::actor::PayoutMessage;

pub(super) enum Slot {
    Live {
        actor: ActorRef<PayoutMessage>,
        last_used: Instant,
    },
    /// Told to stop; what came since waits for its successor, so that no two actors ever own one payout.
    Stopping {
        waiting: Vec<PayoutMessage>,
    },
}

impl Slot {
    pub(super) fn live(actor: ActorRef<PayoutMessage>) -> Self {
        Self::Live { actor, last_used: Instant::now() }
    }

    /// Hands a message to the live actor. One that is stopping by itself refuses it, and we are told of its end soon:
    /// until then the message waits for its successor.
    pub(super) fn hand(&mut self, message: PayoutMessage) {
        let refused = match self {
            Self::Live { actor, last_used } => {
                *last_used = Instant::now();
                actor.cast(message).err()
            }
            Self::Stopping { waiting } => {
                waiting.push(message);
                None
            }
        };
        // An actor that fails at this moment takes the message with it; its sender hands it in again.
        if let Some(MessagingErr::SendErr(message)) = refused {
            *self = Self::Stopping { waiting: vec![message] };
        }
    }

    /// Lets a live actor finish what it was sent, and stop. Whether there was one.
    pub(super) fn passivate(&mut self) -> bool {
        let Self::Live { actor, .. } = self else { return false };
        // Refused only by an actor that is gone already, of which we are told as well.
        let _ = actor.drain();
        *self = Self::Stopping { waiting: Vec::new() };
        true
    }

    /// What waits for the next actor.
    pub(super) fn into_waiting(self) -> Vec<PayoutMessage> {
        match self {
            Self::Live { .. } => Vec::new(),
            Self::Stopping { waiting } => waiting,
        }
    }
}
