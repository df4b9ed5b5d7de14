//! What an error says about a commit: surely nothing was written, or nobody knows.

use payoutd_actors::ports::BatchError;
use sqlx::postgres::{PgDatabaseError, PgSeverity};

/// No statement was sent yet.
pub(super) fn before_sending(error: sqlx::Error) -> BatchError {
    BatchError::Unavailable(error.to_string())
}

/// A statement was sent, or may have been. When in doubt, the outcome is unknown.
pub(super) fn after_sending(error: &sqlx::Error) -> BatchError {
    let why = error.to_string();
    match error.as_database_error().and_then(|said| said.try_downcast_ref::<PgDatabaseError>()) {
        Some(said) => by_server(said.severity(), said.code(), why),
        None if is_encoding(error) => BatchError::Rejected(why),
        None => BatchError::Unknown(why),
    }
}

/// The parameters could not even be put into a message.
fn is_encoding(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Encode(_))
}

/// The server's own word. An `ERROR` for a statement means that its transaction was rolled back. `FATAL` and `PANIC` end
/// the session, and can come after the commit they interrupted: a server that shuts down says so to a session whose
/// statement is done but not yet answered for.
fn by_server(severity: PgSeverity, code: &str, why: String) -> BatchError {
    if matches!(severity, PgSeverity::Fatal | PgSeverity::Panic) {
        return BatchError::Unknown(why);
    }
    match (code.get(..2).unwrap_or(""), code) {
        // The server itself does not know; the connection is in trouble.
        (_, "40003") | ("08", _) => BatchError::Unknown(why),
        // Serialization failures and deadlocks; resources; operators (timeouts, shutdowns); the system; a server that
        // takes no writes (25006) or has a transaction in the way: ask again.
        ("40" | "53" | "55" | "57" | "58" | "25", _) => BatchError::Unavailable(why),
        // Data, constraints, syntax, limits, damaged pages: one of the writes is to blame.
        _ => BatchError::Rejected(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(severity: PgSeverity, code: &str) -> &'static str {
        match by_server(severity, code, String::new()) {
            BatchError::Rejected(_) => "rejected",
            BatchError::Unavailable(_) => "unavailable",
            BatchError::Unknown(_) => "unknown",
        }
    }

    #[test]
    fn what_the_server_says_decides() {
        for code in ["22001", "22P02", "23505", "23514", "42P01", "54000", "XX001", "0A000"] {
            assert_eq!(of(PgSeverity::Error, code), "rejected", "{code}");
        }
        for code in ["40001", "40P01", "53100", "53200", "55P03", "57014", "25006", "58030"] {
            assert_eq!(of(PgSeverity::Error, code), "unavailable", "{code}");
        }
        assert_eq!(of(PgSeverity::Error, "40003"), "unknown");
        assert_eq!(of(PgSeverity::Error, "08006"), "unknown");
        for code in ["57P01", "57P02", "25P03", "53300", "XX000"] {
            assert_eq!(of(PgSeverity::Fatal, code), "unknown", "{code}");
            assert_eq!(of(PgSeverity::Panic, code), "unknown", "{code}");
        }
    }

    #[test]
    fn before_anything_was_sent_nothing_was_written() {
        assert!(matches!(before_sending(sqlx::Error::PoolTimedOut), BatchError::Unavailable(_)));
        let lost = sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into());
        assert!(matches!(after_sending(&lost), BatchError::Unknown(_)));
        assert!(matches!(after_sending(&sqlx::Error::Encode("too long".into())), BatchError::Rejected(_)));
        assert!(matches!(after_sending(&sqlx::Error::Protocol("?".into())), BatchError::Unknown(_)));
    }
}
