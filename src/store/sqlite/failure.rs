//! What an error says about a transaction: surely nothing was written, or nobody knows.

use payoutd_actors::ports::BatchError;

/// `COMMIT` was not sent yet, so nothing is written. What remains to say is whose fault it is.
pub(super) fn before_commit(error: &sqlx::Error) -> BatchError {
    let why = error.to_string();
    match primary_code(error) {
        Some(code) if is_the_writes_fault(code) => BatchError::Rejected(why),
        Some(_) => BatchError::Unavailable(why),
        None if matches!(error, sqlx::Error::Encode(_)) => BatchError::Rejected(why),
        None => BatchError::Unavailable(why),
    }
}

/// `COMMIT` was sent. A failed write to the log can still be found whole after a crash, so only a busy database, which
/// was not written to at all, is sure.
pub(super) fn at_commit(error: &sqlx::Error) -> BatchError {
    const BUSY: i32 = 5;
    let why = error.to_string();
    if primary_code(error) == Some(BUSY) { BatchError::Unavailable(why) } else { BatchError::Unknown(why) }
}

/// The first byte of the extended result code.
fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let extended: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(extended & 0xff)
}

/// `ERROR` (malformed parameters), `TOOBIG`, `CONSTRAINT`, `MISMATCH` and `RANGE`; and `CORRUPT`, because damage has a
/// place, and the other writes may be elsewhere.
fn is_the_writes_fault(code: i32) -> bool {
    matches!(code, 1 | 11 | 18 | 19 | 20 | 25)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_worker_is_unknown_only_at_commit() {
        let lost = sqlx::Error::WorkerCrashed;
        assert!(matches!(before_commit(&lost), BatchError::Unavailable(_)));
        assert!(matches!(at_commit(&lost), BatchError::Unknown(_)));
        assert!(matches!(before_commit(&sqlx::Error::PoolTimedOut), BatchError::Unavailable(_)));
    }

    #[test]
    fn constraints_are_the_writes_fault_and_locks_are_not() {
        assert!([1, 18, 19, 20].into_iter().all(is_the_writes_fault));
        assert!(![5, 6, 7, 8, 10, 13, 14, 15].into_iter().any(is_the_writes_fault));
    }
}
