//! The status of a payout.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::InvalidId;

/// The status of a payout, as partners see it. It never moves back in the order of [`Status::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// No transaction is known.
    Pending,
    /// At least one transaction is out.
    Broadcast,
    /// The recipient has the funds.
    Delivered,
    /// The payout will not be delivered.
    Failed,
}

impl Status {
    /// Every status, in the only order in which a payout can have them.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Broadcast, Self::Delivered, Self::Failed];

    /// The name in JSON, in messages and in rows.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Broadcast => "broadcast",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    /// Whether this is an end state. A reversal still leads from `delivered` to `failed`.
    #[must_use]
    pub fn is_end(self) -> bool {
        match self {
            Self::Pending | Self::Broadcast => false,
            Self::Delivered | Self::Failed => true,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Status {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let expected = "status (pending, broadcast, delivered or failed)";
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(InvalidId { expected })
    }
}
