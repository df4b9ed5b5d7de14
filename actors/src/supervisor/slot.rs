//! A payout's entry in the supervisor: a live actor, or the messages queued for the next actor.

use ractor::{ActorRef, MessagingErr};
use tokio::time::Instant;

use crate::actor::PayoutMessage;

pub(super) enum Slot {
    Live {
        actor: ActorRef<PayoutMessage>,
        last_used: Instant,
    },
    /// The actor is stopping. Messages are queued for the next actor, so that a payout never has two actors.
    Stopping {
        queued: Vec<PayoutMessage>,
    },
}

impl Slot {
    pub(super) fn live(actor: ActorRef<PayoutMessage>) -> Self {
        Self::Live { actor, last_used: Instant::now() }
    }

    /// Sends a message to the live actor. An actor that has begun to stop by itself refuses it; the message is then
    /// queued until the supervisor is notified that the actor has stopped.
    pub(super) fn send(&mut self, message: PayoutMessage) {
        let refused = match self {
            Self::Live { actor, last_used } => {
                *last_used = Instant::now();
                actor.cast(message).err()
            }
            Self::Stopping { queued } => {
                queued.push(message);
                None
            }
        };
        // An actor that fails at this moment drops the message; its sender sends it again.
        if let Some(MessagingErr::SendErr(message)) = refused {
            *self = Self::Stopping { queued: vec![message] };
        }
    }

    /// Lets a live actor process the messages that it was sent, and then stop. Returns whether the actor was live.
    pub(super) fn passivate(&mut self) -> bool {
        let Self::Live { actor, .. } = self else { return false };
        // Fails only if the actor has stopped, of which the supervisor is notified as well.
        let _ = actor.drain();
        *self = Self::Stopping { queued: Vec::new() };
        true
    }

    /// The messages for the next actor.
    pub(super) fn into_queued(self) -> Vec<PayoutMessage> {
        match self {
            Self::Live { .. } => Vec::new(),
            Self::Stopping { queued } => queued,
        }
    }
}
