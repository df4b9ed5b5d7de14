//! The transactional outbox: changes are stored with the commit that makes them, and the relay publishes them at least
//! once, those of one payout in sequence order.

mod message_encoder;
mod relay;
mod wakeups;

use async_trait::async_trait;
use payoutd_actors::ports::Unavailable;
use payoutd_domain::{ChangeKind, Mode, PayoutId, Sequence, Timestamp};

pub use message_encoder::MessageEncoder;
pub use relay::{Relay, RelayConfig};
pub use wakeups::{NotifyingJournal, Wakeups};

/// A message in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxMessage {
    /// Identifies the message in the outbox. Later messages of one payout have higher ids.
    pub id: i64,
    /// The payout that changed.
    pub payout_id: PayoutId,
    /// The payout's sequence after the change.
    pub sequence: Sequence,
    /// Determines the publisher: live messages go to the broker, sandbox messages to the simulator.
    pub mode: Mode,
    /// The event type.
    pub kind: ChangeKind,
    /// `<type>.<from_network>`.
    pub routing_key: String,
    /// The `CloudEvents` JSON.
    pub body: String,
    /// The W3C trace context to send with the message.
    pub traceparent: Option<String>,
}

/// The unpublished messages of the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    /// The number of unpublished messages.
    pub pending: u64,
    /// The time at which the oldest of them was stored.
    pub oldest: Option<Timestamp>,
}

/// Stores messages until they are published.
#[async_trait]
pub trait Outbox: Send + Sync + 'static {
    /// The oldest `limit` unpublished messages of one mode, oldest first. Those of one payout are in sequence order.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be reached.
    async fn pending(&self, mode: Mode, limit: u32) -> Result<Vec<OutboxMessage>, Unavailable>;

    /// Removes messages that are published and confirmed.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be reached. The messages are then published again.
    async fn mark_published(&self, ids: &[i64]) -> Result<(), Unavailable>;

    /// The number and the age of unpublished messages.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be reached.
    async fn backlog(&self) -> Result<Backlog, Unavailable>;
}

/// Why a message may not be published. The broker may have it nevertheless; publishing it again is safe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The broker cannot be reached, or was lost before it confirmed the message.
    #[error("the broker is unavailable: {0}")]
    Unavailable(String),
    /// The broker sent a negative confirm.
    #[error("the broker refused the message")]
    Refused,
    /// No confirm arrived in time.
    #[error("the broker did not confirm in time")]
    TimedOut,
    /// An earlier message of the same payout was not published. This message may have been sent nevertheless. It must
    /// be sent again after the earlier one, so that the last copies arrive in order.
    #[error("an earlier message of the payout was not published")]
    EarlierMessageFailed,
    /// The message can never be sent. Other messages can.
    #[error("the message cannot be sent: {0}")]
    Unsendable(String),
    /// The message is for another publisher: messages of sandbox payouts are never sent to a broker.
    #[error("a sandbox message is not for the broker")]
    WrongMode,
}

impl PublishError {
    /// Whether every retry would fail.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Refused | Self::TimedOut | Self::EarlierMessageFailed => false,
            Self::Unsendable(_) | Self::WrongMode => true,
        }
    }
}

/// Publishes the messages of one mode.
#[async_trait]
pub trait Publisher: Send + Sync + 'static {
    /// Publishes messages in order and returns one result for each. `Ok` means that the message is stored durably.
    /// After the first failed message of a payout, no later message of that payout is `Ok`.
    async fn publish(&self, messages: &[OutboxMessage]) -> Vec<Result<(), PublishError>>;
}
