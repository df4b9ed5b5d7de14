//! Where a partner wants to be told.

use std::fmt;
use std::str::FromStr;

use payoutd_domain::{Mode, OrgId, Timestamp};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use uuid::Uuid;

use super::{EventType, SigningSecret};

/// Identifies an endpoint: `we_` and 32 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndpointId(pub Uuid);

/// Text that is no endpoint's id.
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
        // One spelling only: what is printed.
        id.filter(|id| id.to_string() == text).ok_or(InvalidEndpointId)
    }
}

impl Serialize for EndpointId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Why nothing is sent to an endpoint any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DisabledReason {
    /// It answered 410: it does not want to be told.
    Gone,
    /// It failed for as long as is tried.
    Failing,
}

impl DisabledReason {
    /// Every reason.
    pub const ALL: [Self; 2] = [Self::Gone, Self::Failing];

    /// The word in rows and answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Failing => "failing",
        }
    }
}

/// An endpoint as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// Whose it is.
    pub org: OrgId,
    /// Which payouts it is told of.
    pub mode: Mode,
    /// Where it is.
    pub url: String,
    /// What it is for, in its owner's words. May be empty.
    pub description: String,
    /// What it is told of.
    pub types: Vec<EventType>,
    /// What signs.
    pub secret: SigningSecret,
    /// What signs as well, and until when, after a rotation.
    pub previous_secret: Option<(SigningSecret, Timestamp)>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when, and why, nothing is sent to it.
    pub disabled: Option<(Timestamp, DisabledReason)>,
    /// When it first failed since it last succeeded.
    pub failing_since: Option<Timestamp>,
}

impl Endpoint {
    /// The secrets that sign at `now`, the current one first.
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
    fn an_id_has_one_spelling() {
        let id = EndpointId(Uuid::from_u128(0xabc));
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in ["", "we_", "we_0ABC", &id.to_string().to_uppercase(), &format!("we_{}", id.0)] {
            assert!(wrong.parse::<EndpointId>().is_err(), "{wrong}");
        }
    }
}
