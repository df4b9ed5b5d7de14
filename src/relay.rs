//! The relay: takes committed announcements out of the outbox and publishes them, at least once, per payout in
//! sequence order.

mod hint;
mod rounds;

use async_trait::async_trait;
use payoutd_actors::payout::{AnnouncementKind, Mode, PayoutId, Sequence, Timestamp};
use payoutd_actors::ports::Unavailable;

pub use hint::HintingJournal;
pub use rounds::{Relay, RelayConfig};

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
    pub kind: AnnouncementKind,
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

/// Why a message was not published. It stays in the outbox.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not published: {0}")]
pub struct PublishError(pub String);

/// Where announcements go.
#[async_trait]
pub trait Publisher: Send + Sync + 'static {
    /// Publishes messages in order and waits until each is confirmed or not: one result per message, in order. A
    /// message without a confirm may have been published all the same.
    async fn publish(&self, messages: &[OutboxMessage]) -> Vec<Result<(), PublishError>>;
}
