//! The messages of the supervisor.

use tokio::sync::oneshot;

use crate::actor::PayoutMessage;
use payoutd_domain::{Payout, PayoutId};

/// Identifies one call that creates a payout. Two calls may have the same payout id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreationId(pub u64);

/// A message to the supervisor.
#[derive(Debug)]
pub enum SupervisorMessage {
    /// A payout is about to be committed.
    CreationStarted {
        /// The payout.
        id: PayoutId,
        /// The creation.
        creation: CreationId,
    },
    /// A creation failed, or its outcome is not known to its caller.
    CreationWithdrawn {
        /// The payout.
        id: PayoutId,
        /// The creation.
        creation: CreationId,
    },
    /// A creation inserted the payout, which can be given to an actor.
    CreationCommitted {
        /// The creation.
        creation: CreationId,
        /// The payout as created.
        payout: Box<Payout>,
    },
    /// A message for a payout's actor.
    Route {
        /// The payout.
        id: PayoutId,
        /// The message.
        message: PayoutMessage,
    },
    /// Stops the actors that are idle, ended or above the limit.
    Passivate,
    /// Evicts every payout from memory, because another process may have written. The reply is sent when no old
    /// snapshot can be read any more.
    EvictAll(oneshot::Sender<()>),
    /// Refuses new messages, lets every actor process the messages that it was sent, and then stops the supervisor.
    ShutDown,
}
