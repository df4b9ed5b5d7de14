//! What PostgreSQL and SQLite have in common. The ports in [`ports`](super::ports) are written once, against
//! [`SqlStore`].

use payoutd_actors::ports::{IdempotencyRecord, Unavailable};
use sqlx::Database;
use uuid::Uuid;

use super::db_timestamp::DbTimestamp;
use super::rows::DecodeRow;
use super::rows::api_keys::ApiKeyRow;
use super::rows::idempotency::IdempotencyRow;
use super::rows::outbox::{BacklogRow, OutboxRow};
use super::rows::parked_reports::ParkedReportRow;
use super::rows::payouts::{EntryRow, PayoutRow};
use super::rows::planned_reports::PlannedReportRow;
use super::rows::quotes::QuoteRow;
use super::rows::webhooks::{DeliveryBacklogRow, DeliveryRow, DueRow, EndpointRow, NewDeliveryRow};
use super::sql::DialectSql;
use super::statement::{Bind, Statement};

/// A store that runs SQL statements.
pub(super) trait SqlStore: Send + Sync + 'static {
    type Database: SqlDatabase;

    /// Runs a statement that writes nothing.
    fn read(
        &self,
        statement: Statement<Self::Database>,
    ) -> impl Future<Output = Result<Vec<Row<Self>>, Unavailable>> + Send;

    /// Runs a statement that is safe to repeat. It runs to completion even if the caller drops the future.
    fn write(
        &self,
        statement: Statement<Self::Database>,
    ) -> impl Future<Output = Result<Vec<Row<Self>>, Unavailable>> + Send;

    /// Runs a statement like [`write`](Self::write) and inserts `record` in the same commit, if the statement returns a
    /// row. If an unexpired record with the same key hash exists, it writes nothing and returns no row.
    fn write_with_record(
        &self,
        statement: Statement<Self::Database>,
        record: Option<&IdempotencyRecord>,
    ) -> impl Future<Output = Result<Vec<Row<Self>>, Unavailable>> + Send;
}

/// A row that a statement returns.
pub(super) type Row<S> = <<S as SqlStore>::Database as Database>::Row;

/// A database whose rows and parameters have the types that the shared ports use.
pub(super) trait SqlDatabase:
    Database<
        Row: DecodeRow<ApiKeyRow>
                 + DecodeRow<BacklogRow>
                 + DecodeRow<DeliveryRow>
                 + DecodeRow<DueRow>
                 + DecodeRow<EndpointRow>
                 + DecodeRow<EntryRow>
                 + DecodeRow<IdempotencyRow>
                 + DecodeRow<OutboxRow>
                 + DecodeRow<ParkedReportRow>
                 + DecodeRow<PayoutRow>
                 + DecodeRow<PlannedReportRow>
                 + DecodeRow<QuoteRow>
                 + DecodeRow<DeliveryBacklogRow>
                 + DecodeRow<(Uuid,)>
                 + DecodeRow<(i64,)>
                 + DecodeRow<(String,)>
                 + DecodeRow<(String, Uuid)>,
    > + Bind<'static, Uuid>
    + Bind<'static, i64>
    + Bind<'static, String>
    + Bind<'static, Option<String>>
    + Bind<'static, &'static str>
    + Bind<'static, Vec<u8>>
    + Bind<'static, Option<Vec<u8>>>
    + Bind<'static, Option<i64>>
    + Bind<'static, Option<bool>>
    + Bind<'static, DbTimestamp>
    + Bind<'static, Option<DbTimestamp>>
{
    /// The statements that have the same parameters and results in both databases, but not the same text.
    const SQL: DialectSql;

    /// Binds a set of ids: an array in PostgreSQL, JSON in SQLite. The same holds for the functions below.
    fn bind_ids(statement: Statement<Self>, ids: &[Uuid]) -> Statement<Self>;

    fn bind_integers(statement: Statement<Self>, integers: &[i64]) -> Statement<Self>;

    fn bind_texts(statement: Statement<Self>, texts: &[&str]) -> Statement<Self>;

    fn bind_planned_reports(statement: Statement<Self>, reports: &[PlannedReportRow]) -> Statement<Self>;

    fn bind_deliveries(statement: Statement<Self>, deliveries: &[NewDeliveryRow]) -> Statement<Self>;
}

impl<DB: SqlDatabase> Statement<DB> {
    pub(super) fn bind_ids(self, ids: &[Uuid]) -> Self {
        DB::bind_ids(self, ids)
    }

    pub(super) fn bind_integers(self, integers: &[i64]) -> Self {
        DB::bind_integers(self, integers)
    }

    pub(super) fn bind_texts(self, texts: &[&str]) -> Self {
        DB::bind_texts(self, texts)
    }

    pub(super) fn bind_planned_reports(self, reports: &[PlannedReportRow]) -> Self {
        DB::bind_planned_reports(self, reports)
    }

    pub(super) fn bind_deliveries(self, deliveries: &[NewDeliveryRow]) -> Self {
        DB::bind_deliveries(self, deliveries)
    }

    /// Binds the columns of an idempotency record, or as many nulls.
    pub(super) fn bind_record(self, record: Option<&IdempotencyRecord>) -> Self {
        let row = record.map(IdempotencyRow::from);
        let row = row.as_ref();
        self.bind(row.map(|row| row.name.clone()))
            .bind(row.map(|row| row.fingerprint.clone()))
            .bind(row.map(|row| row.status))
            .bind(row.and_then(|row| row.location.clone()))
            .bind(row.map(|row| row.body.clone()))
            .bind(row.map(|row| row.kept_at))
            .bind(row.map(|row| row.expires_at))
    }
}
