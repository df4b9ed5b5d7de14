use payoutd_domain::{PayoutId, ReportKey};
use sqlx_macros::FromRow;
use uuid::Uuid;

use crate::reports::ParkedReport;
use crate::store::db_timestamp::DbTimestamp;

#[derive(Debug, FromRow)]
pub(in crate::store) struct ParkedReportRow {
    payout_id: Uuid,
    source: String,
    report_id: String,
    body: String,
    traceparent: Option<String>,
    parked_at: DbTimestamp,
    expires_at: DbTimestamp,
}

impl From<ParkedReportRow> for ParkedReport {
    fn from(row: ParkedReportRow) -> Self {
        Self {
            payout_id: PayoutId(row.payout_id),
            key: ReportKey { source: row.source.into(), id: row.report_id.into() },
            body: row.body,
            traceparent: row.traceparent,
            parked_at: row.parked_at.0,
            expires_at: row.expires_at.0,
        }
    }
}
