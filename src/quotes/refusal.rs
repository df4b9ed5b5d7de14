//! Why there is no quote.

use super::destination::DestinationError;

/// Why a request gets no quote. Asking again with the same request and configuration has the same answer.
///
/// It displays as a whole sentence for the partner's developer, with the limits named; it never repeats an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuoteRefusal {
    /// A field is not of the form the interface asks for.
    #[error("{detail}")]
    Validation {
        /// The field at fault.
        field: &'static str,
        /// What is wrong, as a sentence.
        detail: String,
    },
    /// The destination is no address, a damaged one, or not one of the network asked for.
    #[error("{detail}")]
    InvalidDestination {
        /// What is wrong, as a sentence.
        detail: String,
    },
    /// No such asset is configured.
    #[error("{detail}")]
    UnsupportedAsset {
        /// What is wrong, as a sentence.
        detail: String,
    },
    /// There is no way to bring this asset there.
    #[error("{detail}")]
    UnsupportedRoute {
        /// The field at fault.
        field: &'static str,
        /// What is wrong, as a sentence.
        detail: String,
    },
    /// Less or more than can be sent of this asset.
    #[error("{detail}")]
    AmountOutOfRange {
        /// What is wrong, as a sentence.
        detail: String,
    },
}

impl QuoteRefusal {
    pub(super) fn validation(field: &'static str, detail: impl Into<String>) -> Self {
        Self::Validation { field, detail: detail.into() }
    }

    /// The request's field at fault.
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
