//! The endpoints that partners register to receive webhooks.

use std::fmt;
use std::str::FromStr;

use payoutd_domain::{Account, Mode, OrgId, Timestamp};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use uuid::Uuid;

use super::{EventType, SigningSecret};

/// The id of an endpoint: `we_` and 32 lowercase hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndpointId(pub Uuid);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a valid endpoint id (we_ and 32 lowercase hex digits)")]
pub struct InvalidEndpointId;

impl fmt::Display for EndpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "we_{}", self.0.simple())
    }
}

impl fmt::Debug for EndpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for EndpointId {
    type Err = InvalidEndpointId;

    fn from_str(text: &str) -> Result<Self, InvalidEndpointId> {
        let id = text.strip_prefix("we_").and_then(|hex| Uuid::try_parse(hex).ok()).map(Self);
        // Only the canonical spelling is accepted.
        id.filter(|id| id.to_string() == text).ok_or(InvalidEndpointId)
    }
}

impl Serialize for EndpointId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Why an endpoint was disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DisabledReason {
    /// It answered 410.
    Gone,
    /// Every attempt of the retry schedule failed, or the endpoint has been failing for 90 hours.
    Failing,
}

impl DisabledReason {
    pub const ALL: [Self; 2] = [Self::Gone, Self::Failing];

    /// The name in rows and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Failing => "failing",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub id: EndpointId,
    pub org: OrgId,
    /// The mode of the payouts whose changes are sent.
    pub mode: Mode,
    pub url: String,
    /// The partner's own description. May be empty.
    pub description: String,
    /// The subscribed event types.
    pub types: Vec<EventType>,
    pub secret: SigningSecret,
    /// The secret before the last rotation, and until when messages carry its signature as well.
    pub previous_secret: Option<(SigningSecret, Timestamp)>,
    pub created_at: Timestamp,
    /// When and why the endpoint was disabled; `None` while it is enabled.
    pub disabled: Option<(Timestamp, DisabledReason)>,
    /// The first failure since the last success.
    pub failing_since: Option<Timestamp>,
}

impl Endpoint {
    #[must_use]
    pub fn account(&self) -> Account {
        Account { org: self.org, mode: self.mode }
    }

    /// The secrets that sign messages at `now`, the current one first.
    #[must_use]
    pub fn secrets_at(&self, now: Timestamp) -> Vec<&SigningSecret> {
        let previous = self.previous_secret.as_ref().filter(|(_, until)| now < *until);
        std::iter::once(&self.secret).chain(previous.map(|(secret, _)| secret)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_spelling_of_an_id_is_accepted() {
        let id = EndpointId(Uuid::from_u128(0xabc));
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in ["", "we_", "we_0ABC", &id.to_string().to_uppercase(), &format!("we_{}", id.0)] {
            assert!(wrong.parse::<EndpointId>().is_err(), "{wrong}");
        }
    }
}
