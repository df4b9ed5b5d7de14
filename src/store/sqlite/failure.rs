//! Maps errors of SQLite to the outcome of a transaction: nothing was written, or the outcome is unknown.

use payoutd_actors::ports::BatchError;

/// An error before `COMMIT`: nothing was written. The error code tells whether one of the writes is the cause.
pub(super) fn before_commit(error: &sqlx::Error) -> BatchError {
    let reason = error.to_string();
    match primary_code(error) {
        Some(code) if is_caused_by_a_write(code) => BatchError::Rejected(reason),
        Some(_) => BatchError::Unavailable(reason),
        None if matches!(error, sqlx::Error::Encode(_)) => BatchError::Rejected(reason),
        None => BatchError::Unavailable(reason),
    }
}

/// An error of `COMMIT`. After a failed write to the log, recovery may still find the whole transaction there. Only a
/// busy database has certainly not been written.
pub(super) fn at_commit(error: &sqlx::Error) -> BatchError {
    const BUSY: i32 = 5;
    let reason = error.to_string();
    if primary_code(error) == Some(BUSY) {
        BatchError::Unavailable(reason)
    } else {
        BatchError::Unknown(reason)
    }
}

/// The primary result code: the lowest byte of the extended code.
fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let extended: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(extended & 0xff)
}

/// Whether one of the writes is the cause: `ERROR` (malformed parameters), `TOOBIG`, `CONSTRAINT`, `MISMATCH`, `RANGE`,
/// and `CORRUPT`, which may affect only the pages of one write.
fn is_caused_by_a_write(code: i32) -> bool {
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
    fn a_constraint_is_caused_by_a_write_and_a_lock_is_not() {
        assert!([1, 18, 19, 20].into_iter().all(is_caused_by_a_write));
        assert!(![5, 6, 7, 8, 10, 13, 14, 15].into_iter().any(is_caused_by_a_write));
    }
}
