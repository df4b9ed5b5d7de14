/// A store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The scheme of the URL is not supported.
    #[error("a database URL must start with postgres://, postgresql:// or sqlite:")]
    UnknownScheme,
    /// The URL names a database in memory, which does not survive the process and which connections do not share.
    #[error("payoutd keeps money records in a file, not in memory")]
    InMemory,
    /// The URL is malformed, or the database cannot be opened.
    #[error("the database cannot be opened: {0}")]
    Database(#[from] sqlx::Error),
}

/// The schema cannot be migrated.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A migration failed, or the database has migrations that this program does not have.
    #[error("the migrations cannot be applied: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The database cannot be reached.
    #[error("the database cannot be reached: {0}")]
    Database(#[from] sqlx::Error),
}
