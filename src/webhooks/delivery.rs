//! A delivery: the message about one change to one endpoint.

use std::fmt;

use payoutd_domain::{PayoutId, Sequence, Timestamp};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Attempt, EndpointId, EventType};

/// The `webhook-id` header. It is the same for every attempt to send the same change to the same endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MessageId(Uuid);

impl MessageId {
    /// Derives the id from the endpoint and the change.
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

    /// Generates an id for a test event, which is sent once.
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

/// The status of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// The first or next attempt is still to come.
    Waiting,
    /// The endpoint answered 2xx.
    Succeeded,
    /// It was abandoned after its last attempt.
    Failed,
    /// The endpoint was disabled. There is no attempt unless the delivery is replayed.
    Skipped,
}

impl DeliveryStatus {
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Succeeded, Self::Failed, Self::Skipped];

    /// The name in rows and JSON.
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

/// A delivery that does not exist yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewDelivery {
    pub payout_id: PayoutId,
    pub sequence: Sequence,
    pub kind: EventType,
    /// When the change was committed.
    pub committed_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookDelivery {
    /// The row's number. It rises with the commits, except for concurrent ones.
    pub id: i64,
    pub endpoint_id: EndpointId,
    pub payout_id: PayoutId,
    pub sequence: Sequence,
    pub kind: EventType,
    pub status: DeliveryStatus,
    /// The number of attempts since the delivery was inserted or last replayed.
    pub attempts: u32,
    /// When the next attempt is due, while the status is `Waiting`.
    pub next_attempt_at: Timestamp,
    /// When the change was committed.
    pub created_at: Timestamp,
    /// The last attempts, oldest first, including those before a replay.
    pub log: Vec<Attempt>,
}

/// The most attempts that a log keeps.
const MAX_LOG: usize = 20;

impl WebhookDelivery {
    #[must_use]
    pub fn message_id(&self) -> MessageId {
        MessageId::of(self.endpoint_id, self.payout_id, self.sequence)
    }

    /// The log with these attempts appended and the oldest ones dropped.
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
    fn a_message_id_depends_on_endpoint_payout_and_sequence() {
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
