//! The reasons to refuse a quote request.

use super::destination::DestinationError;

/// Why a request gets no quote. The same request gets the same refusal until the configuration changes.
///
/// The text is for the partner's developers. It names the limits and never repeats the address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuoteRefusal {
    /// A field is malformed.
    #[error("{detail}")]
    Validation { field: &'static str, detail: String },
    /// The destination is not an address, has a wrong checksum, or does not fit the requested network.
    #[error("{detail}")]
    InvalidDestination { detail: String },
    #[error("{detail}")]
    UnsupportedAsset { detail: String },
    /// The asset cannot be sent to the destination's network.
    #[error("{detail}")]
    UnsupportedRoute { field: &'static str, detail: String },
    /// The amount is below the asset's minimum or above its maximum.
    #[error("{detail}")]
    AmountOutOfRange { detail: String },
}

impl QuoteRefusal {
    pub(super) fn validation(field: &'static str, detail: impl Into<String>) -> Self {
        Self::Validation { field, detail: detail.into() }
    }

    /// The field of the request that causes the refusal.
    #[must_use]
    pub fn field(&self) -> &'static str {
        match self {
            Self::Validation { field, .. } | Self::UnsupportedRoute { field, .. } => field,
            Self::InvalidDestination { .. } => "destination",
            Self::UnsupportedAsset { .. } => "asset",
            Self::AmountOutOfRange { .. } => "amount",
        }
    }
}

impl From<DestinationError> for QuoteRefusal {
    fn from(error: DestinationError) -> Self {
        Self::InvalidDestination { detail: format!("destination {error}") }
    }
}
