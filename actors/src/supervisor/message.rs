//! What a supervisor is told, and the limits it keeps.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::actor::PayoutMessage;
use payoutd_domain::{Payout, PayoutId};

/// The limits a supervisor keeps.
#[derive(Debug, Clone, Copy)]
pub struct SupervisorConfig {
    /// The most actors alive, give or take those with a message to work on.
    pub max_live: usize,
    /// How long an actor stays after its last message.
    pub idle_after: Duration,
    /// How long it stays once its payout has ended.
    pub ended_after: Duration,
    /// How often it looks for actors to stop.
    pub reap_every: Duration,
    /// After how many failures in a row an actor is not replaced at once any more.
    pub failure_limit: u32,
    /// How long a payout is then left alone.
    pub quarantine: Duration,
}

/// Tells one creation from every other, also of the same payout id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket(pub u64);

/// What the supervisor is told.
#[derive(Debug)]
pub enum SupervisorMessage {
    /// A payout is being created.
    Expect {
        /// Which.
        id: PayoutId,
        /// By whom.
        ticket: Ticket,
    },
    /// It was not.
    Forget {
        /// Which.
        id: PayoutId,
        /// By whom.
        ticket: Ticket,
    },
    /// It was.
    Admit {
        /// By whom.
        ticket: Ticket,
        /// The payout.
        payout: Box<Payout>,
    },
    /// Something for a payout's actor.
    Route {
        /// Whose.
        id: PayoutId,
        /// What.
        message: PayoutMessage,
    },
    /// Time to look for actors to stop.
    Reap,
    /// Forget every payout in memory: another process may have written. Answered once nothing old is shown any more.
    ForgetAll(oneshot::Sender<()>),
    /// Take nothing new, let every actor finish what it was sent, and then stop.
    Close,
}
