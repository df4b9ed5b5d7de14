//! Identifiers. Each has a type of its own, so that one cannot be passed in place of another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// Text that is not a valid identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a valid {expected}")]
pub struct InvalidId {
    /// The expected form, in words for partners.
    pub expected: &'static str,
}

macro_rules! prefixed_uuid {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            /// Accepts exactly what [`Display`](fmt::Display) prints: the prefix and 32 lowercase hex digits.
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let invalid = InvalidId { expected: $expected };
                let hex = text.strip_prefix($prefix).ok_or(invalid)?;
                let canonical = hex.len() == 32 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
                if !canonical {
                    return Err(invalid);
                }
                Uuid::try_parse(hex).map($name).map_err(|_| invalid)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

prefixed_uuid!(
    /// Identifies a payout: `pay_` and 32 hex digits. It is opaque to partners and never changes.
    ///
    /// ```
    /// use payoutd_domain::PayoutId;
    /// let id: PayoutId = "pay_0192f0c1d2e3748596a7b8c9d0e1f203".parse()?;
    /// assert_eq!(id.to_string(), "pay_0192f0c1d2e3748596a7b8c9d0e1f203");
    /// assert!("pay_0192F0C1D2E3748596A7B8C9D0E1F203".parse::<PayoutId>().is_err());
    /// # Ok::<(), payoutd_domain::InvalidId>(())
    /// ```
    PayoutId, "pay_", "payout id (pay_ and 32 lowercase hex digits)"
);

prefixed_uuid!(
    /// Identifies the organisation (partner) that owns a key, a quote or a payout. It is never shown to the public.
    OrgId, "org_", "organisation id (org_ and 32 lowercase hex digits)"
);

/// Identifies a quote: opaque text of 1 to 128 visible ASCII characters. The signer of quotes checks that it is
/// authentic.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct QuoteId(Box<str>);

impl QuoteId {
    /// The longest quote id, in characters.
    pub const MAX_LEN: usize = 128;

    /// The text of the id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for QuoteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for QuoteId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if (1..=Self::MAX_LEN).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidId { expected: "quote id (1 to 128 visible ASCII characters)" })
        }
    }
}

/// Whether real money moves. Keys, quotes and payouts of one mode are separate from those of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Production: `sk_live_…` keys, real chains.
    Live,
    /// Sandbox: `sk_test_…` keys, simulated chains.
    Test,
}

impl Mode {
    /// `live` or `test`, as in keys and rows.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Mode {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text {
            "live" => Ok(Self::Live),
            "test" => Ok(Self::Test),
            _ => Err(InvalidId { expected: "mode (live or test)" }),
        }
    }
}

/// The secret part of a payout's tracking URL: 128 bits, unrelated to the payout id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TrackingToken(pub Uuid);

impl fmt::Display for TrackingToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.simple())
    }
}

impl fmt::Debug for TrackingToken {
    /// Hides the token, which is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TrackingToken(…)")
    }
}

/// The number of journal entries of one payout. The creation is version 1; every recorded report and every passed
/// deadline adds one, visible to partners or not. A commit contains the version it expects, so a stale writer never
/// commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(pub i64);

impl Version {
    /// The version right after the creation.
    pub const FIRST: Self = Self(1);

    /// The version after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// The sequence number of a change that partners can see. The creation is 1; every change adds exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sequence(pub i64);

impl Sequence {
    /// The sequence number of the creation.
    pub const FIRST: Self = Self(1);

    /// The sequence number after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
