//! A message to one endpoint about one change, from its commit to its end.

use std::fmt;

use payoutd_domain::{PayoutId, Sequence, Timestamp};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Attempt, EndpointId, EventType};

/// The `webhook-id`: the same for the same endpoint, payout and change, however often it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MessageId(Uuid);

impl MessageId {
    /// The id of the message about that change.
    #[must_use]
    pub fn of(endpoint: EndpointId, payout: PayoutId, sequence: Sequence) -> Self {
        let digest = Sha256::new()
            .chain_update(endpoint.0.as_bytes())
            .chain_update(payout.0.as_bytes())
            .chain_update(sequence.0.to_be_bytes())
            .finalize();
        let mut bytes = [0u8; 16];
        bytes.copy_from_slice(&digest[..16]);
        Self(Uuid::from_bytes(bytes))
    }

    /// An id for a message that is sent once.
    #[must_use]
    pub fn random() -> Self {
        Self(Uuid::now_v7())
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "msg_{}", self.0.simple())
    }
}

impl Serialize for MessageId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// It will be tried, again or for the first time.
    Waiting,
    /// The endpoint took it.
    Succeeded,
    /// It was given up.
    Failed,
    /// The endpoint was disabled: it is not tried unless replayed.
    Skipped,
}

impl DeliveryStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Succeeded, Self::Failed, Self::Skipped];

    /// The word in rows and answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// A change an endpoint is to be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewDelivery {
    /// Whose change it is.
    pub payout_id: PayoutId,
    /// Which one.
    pub sequence: Sequence,
    /// What it is told as.
    pub kind: EventType,
    /// When it was committed.
    pub committed_at: Timestamp,
}

/// A delivery as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its number. Rises with time, by and large.
    pub id: i64,
    /// To whom.
    pub endpoint_id: EndpointId,
    /// Whose change it tells of.
    pub payout_id: PayoutId,
    /// Which one.
    pub sequence: Sequence,
    /// What it is told as.
    pub kind: EventType,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// Attempts since it was made or last replayed.
    pub attempts: u32,
    /// When it is tried next, while it waits.
    pub next_attempt_at: Timestamp,
    /// When the change was committed.
    pub created_at: Timestamp,
    /// The last attempts, oldest first, replays and all.
    pub log: Vec<Attempt>,
}

/// The most attempts a delivery's log keeps: the newest.
const MAX_LOG: usize = 20;

impl Delivery {
    /// The `webhook-id`.
    #[must_use]
    pub fn message_id(&self) -> MessageId {
        MessageId::of(self.endpoint_id, self.payout_id, self.sequence)
    }

    /// The log with one attempt more.
    pub(super) fn log_with(&self, attempts: impl IntoIterator<Item = Attempt>) -> Vec<Attempt> {
        let mut log = self.log.clone();
        log.extend(attempts);
        log.drain(..log.len().saturating_sub(MAX_LOG));
        log
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_id_names_endpoint_payout_and_change() {
        let (a, b) = (EndpointId(Uuid::from_u128(1)), EndpointId(Uuid::from_u128(2)));
        let (p, q) = (PayoutId(Uuid::from_u128(1)), PayoutId(Uuid::from_u128(2)));
        let id = MessageId::of(a, p, Sequence(2));
        assert_eq!(id, MessageId::of(a, p, Sequence(2)));
        assert_eq!(id.to_string().len(), 36);
        for other in [
            MessageId::of(b, p, Sequence(2)),
            MessageId::of(a, q, Sequence(2)),
            MessageId::of(a, p, Sequence(3)),
        ] {
            assert_ne!(id, other);
        }
    }
}
