//! The event types that endpoints can subscribe to.

use std::fmt;
use std::str::FromStr;

use payoutd_domain::{ChangeKind, InvalidId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The type of a webhook event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "WebhookEventType")]
pub enum EventType {
    /// `payout.broadcast`
    #[serde(rename = "payout.broadcast")]
    Broadcast,
    /// `payout.delivered`
    #[serde(rename = "payout.delivered")]
    Delivered,
    /// `payout.failed`
    #[serde(rename = "payout.failed")]
    Failed,
    /// `payout.updated`: the estimate changed, or another transaction was seen.
    #[serde(rename = "payout.updated")]
    Updated,
    /// `payout.late`
    #[serde(rename = "payout.late")]
    Late,
}

impl EventType {
    pub const ALL: [Self; 5] = [Self::Broadcast, Self::Delivered, Self::Failed, Self::Updated, Self::Late];
    /// The subscription of an endpoint that names no types.
    pub const DEFAULT: [Self; 3] = [Self::Broadcast, Self::Delivered, Self::Failed];

    /// The name in rows and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Broadcast => "payout.broadcast",
            Self::Delivered => "payout.delivered",
            Self::Failed => "payout.failed",
            Self::Updated => "payout.updated",
            Self::Late => "payout.late",
        }
    }

    /// The event type of a change; `None` for a creation, which is not sent as a webhook.
    #[must_use]
    pub fn of(kind: ChangeKind) -> Option<Self> {
        match kind {
            ChangeKind::Created => None,
            ChangeKind::Broadcast => Some(Self::Broadcast),
            ChangeKind::Delivered => Some(Self::Delivered),
            ChangeKind::Failed => Some(Self::Failed),
            ChangeKind::Updated => Some(Self::Updated),
            ChangeKind::Late => Some(Self::Late),
        }
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EventType {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let expected =
            "webhook type (payout.broadcast, payout.delivered, payout.failed, payout.updated, payout.late)";
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(InvalidId { expected })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_type_has_the_name_of_its_change_kind() {
        use ChangeKind as K;
        assert_eq!(EventType::of(K::Created), None);
        for kind in [K::Broadcast, K::Delivered, K::Failed, K::Updated, K::Late] {
            let of = EventType::of(kind).unwrap();
            assert_eq!(of.as_str(), kind.as_str());
            assert_eq!(of.as_str().parse(), Ok(of));
            assert_eq!(serde_json::to_string(&of).unwrap(), format!("\"{of}\""));
        }
        assert!("payout.created".parse::<EventType>().is_err());
    }
}
