//! The relay: takes committed announcements out of the outbox and publishes them, at least once, per payout in
//! sequence order.

mod message_encoder;
mod relay;
mod wakeups;

use async_trait::async_trait;
use payoutd_actors::ports::Unavailable;
use payoutd_domain::{ChangeKind, Mode, PayoutId, Sequence, Timestamp};

pub use message_encoder::MessageEncoder;
pub use relay::{Relay, RelayConfig};
pub use wakeups::{NotifyingJournal, Wakeups};

/// A message as it waits in the outbox, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxMessage {
    /// The outbox's own number. Rises with every commit of one payout.
    pub id: i64,
    /// Whose message it is.
    pub payout_id: PayoutId,
    /// The change it tells of.
    pub sequence: Sequence,
    /// Where it goes: live messages to the broker, sandbox messages to the simulator, never the other way.
    pub mode: Mode,
    /// What it is.
    pub kind: ChangeKind,
    /// `<type>.<from_network>`.
    pub routing_key: String,
    /// The whole `CloudEvents` JSON.
    pub body: String,
    /// The W3C trace context to send along.
    pub traceparent: Option<String>,
}

/// How much waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    /// Messages waiting.
    pub waiting: u64,
    /// Since when the oldest waits.
    pub oldest: Option<Timestamp>,
}

/// Where committed announcements wait.
#[async_trait]
pub trait Outbox: Send + Sync + 'static {
    /// The oldest `limit` messages of one mode that wait, oldest first. A payout's messages come in sequence order.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn waiting(&self, mode: Mode, limit: u32) -> Result<Vec<OutboxMessage>, Unavailable>;

    /// These were published and confirmed: they wait no more.
    ///
    /// # Errors
    /// Where the store cannot be asked; they will be published again.
    async fn published(&self, ids: &[i64]) -> Result<(), Unavailable>;

    /// How much waits.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn backlog(&self) -> Result<Backlog, Unavailable>;
}

/// Why a message is not known to be published. It may have arrived all the same; publishing it again is safe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The broker could not be reached, or was lost before it confirmed.
    #[error("the broker is unavailable: {0}")]
    Unavailable(String),
    /// The broker said that it does not have the message.
    #[error("the broker refused the message")]
    Refused,
    /// The broker did not confirm in time.
    #[error("the broker did not confirm in time")]
    TimedOut,
    /// An earlier message of the same payout was not published, so this one's turn has not come. It may have been
    /// sent; it is to be sent again after the earlier one, so that the last of each to arrive are in order.
    #[error("an earlier message of the payout was not published")]
    OutOfTurn,
    /// The message can never be sent as it is. Others can.
    #[error("the message cannot be sent: {0}")]
    Unsendable(String),
    /// The message is not for this publisher: a sandbox payout's never reaches a broker.
    #[error("a sandbox message is not for the broker")]
    WrongMode,
}

impl PublishError {
    /// Whether trying again can never help.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Refused | Self::TimedOut | Self::OutOfTurn => false,
            Self::Unsendable(_) | Self::WrongMode => true,
        }
    }
}

/// Takes messages to where services downstream read them.
#[async_trait]
pub trait Publisher: Send + Sync + 'static {
    /// Publishes messages in the order given and returns one result per message, in order. `Ok` means that the
    /// message is safe with the broker. After a message of a payout failed, no later one of that payout is `Ok`.
    async fn publish(&self, messages: &[OutboxMessage]) -> Vec<Result<(), PublishError>>;
}
