//! The error of a write.

use crate::ports::BatchError;

/// Why a write has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The store rejected this write.
    #[error("the journal refused the write: {0}")]
    Rejected(String),
    /// Nothing was written; try again later.
    #[error("the journal is unavailable: {0}")]
    Unavailable(String),
    /// The write may have been committed. The row shows whether it was.
    #[error("the outcome of the commit is unknown: {0}")]
    Unknown(String),
}

impl From<BatchError> for CommitError {
    fn from(error: BatchError) -> Self {
        match error {
            BatchError::Rejected(why) => Self::Rejected(why),
            BatchError::Unavailable(why) => Self::Unavailable(why),
            BatchError::Unknown(why) => Self::Unknown(why),
        }
    }
}
