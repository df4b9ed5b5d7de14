//! Maps errors of PostgreSQL to the outcome of a commit: nothing was written, or the outcome is unknown.

use payoutd_actors::ports::BatchError;
use sqlx::postgres::{PgDatabaseError, PgSeverity};

/// An error before the statement was sent.
pub(super) fn before_sending(error: sqlx::Error) -> BatchError {
    BatchError::Unavailable(error.to_string())
}

/// An error after the statement was sent, or may have been sent. Unclear cases count as unknown.
pub(super) fn after_sending(error: &sqlx::Error) -> BatchError {
    let reason = error.to_string();
    match error.as_database_error().and_then(|error| error.try_downcast_ref::<PgDatabaseError>()) {
        Some(error) => from_server(error.severity(), error.code(), reason),
        // The parameters could not be encoded, so nothing was sent.
        None if matches!(error, sqlx::Error::Encode(_)) => BatchError::Rejected(reason),
        None => BatchError::Unknown(reason),
    }
}

/// An error that the server reported. After an `ERROR`, the server has rolled the statement back. `FATAL` and `PANIC`
/// end the session, possibly after the commit but before the reply.
fn from_server(severity: PgSeverity, code: &str, reason: String) -> BatchError {
    if matches!(severity, PgSeverity::Fatal | PgSeverity::Panic) {
        return BatchError::Unknown(reason);
    }
    match (code.get(..2).unwrap_or(""), code) {
        // The server does not know the outcome, or the connection failed.
        (_, "40003") | ("08", _) => BatchError::Unknown(reason),
        // Serialization failures and deadlocks, resources, locks, operator intervention (timeouts, shutdowns), system
        // errors, transaction states (for example a read-only server, 25006): a later attempt may succeed.
        ("40" | "53" | "55" | "57" | "58" | "25", _) => BatchError::Unavailable(reason),
        // Data, constraints, syntax, limits, corrupted pages: one of the writes is the cause.
        _ => BatchError::Rejected(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(severity: PgSeverity, code: &str) -> &'static str {
        match from_server(severity, code, String::new()) {
            BatchError::Rejected(_) => "rejected",
            BatchError::Unavailable(_) => "unavailable",
            BatchError::Unknown(_) => "unknown",
        }
    }

    #[test]
    fn the_code_and_the_severity_of_the_server_decide() {
        for code in ["22001", "22P02", "23505", "23514", "42P01", "54000", "XX001", "0A000"] {
            assert_eq!(outcome(PgSeverity::Error, code), "rejected", "{code}");
        }
        for code in ["40001", "40P01", "53100", "53200", "55P03", "57014", "25006", "58030"] {
            assert_eq!(outcome(PgSeverity::Error, code), "unavailable", "{code}");
        }
        assert_eq!(outcome(PgSeverity::Error, "40003"), "unknown");
        assert_eq!(outcome(PgSeverity::Error, "08006"), "unknown");
        for code in ["57P01", "57P02", "25P03", "53300", "XX000"] {
            assert_eq!(outcome(PgSeverity::Fatal, code), "unknown", "{code}");
            assert_eq!(outcome(PgSeverity::Panic, code), "unknown", "{code}");
        }
    }

    #[test]
    fn an_error_before_sending_means_that_nothing_was_written() {
        assert!(matches!(before_sending(sqlx::Error::PoolTimedOut), BatchError::Unavailable(_)));
        let lost = sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into());
        assert!(matches!(after_sending(&lost), BatchError::Unknown(_)));
        assert!(matches!(after_sending(&sqlx::Error::Encode("too long".into())), BatchError::Rejected(_)));
        assert!(matches!(after_sending(&sqlx::Error::Protocol("?".into())), BatchError::Unknown(_)));
    }
}
