use payoutd_domain::PayoutId;
use serde::Serialize;
use sqlx_macros::FromRow;
use uuid::Uuid;

use super::{InvalidColumn, hex_uuid, invalid};
use crate::sandbox::PlannedReport;
use crate::store::db_timestamp::DbTimestamp;

#[derive(Debug, FromRow, Serialize)]
pub(in crate::store) struct PlannedReportRow {
    #[serde(serialize_with = "hex_uuid")]
    pub(in crate::store) payout_id: Uuid,
    pub(in crate::store) step: i64,
    pub(in crate::store) due_at: DbTimestamp,
    pub(in crate::store) body: String,
}

impl From<&PlannedReport> for PlannedReportRow {
    fn from(report: &PlannedReport) -> Self {
        Self {
            payout_id: report.payout_id.0,
            step: report.step.into(),
            due_at: report.due_at.into(),
            body: report.body.clone(),
        }
    }
}

impl TryFrom<PlannedReportRow> for PlannedReport {
    type Error = InvalidColumn;

    fn try_from(row: PlannedReportRow) -> Result<Self, InvalidColumn> {
        Ok(Self {
            payout_id: PayoutId(row.payout_id),
            step: u32::try_from(row.step).map_err(invalid("step"))?,
            due_at: row.due_at.0,
            body: row.body,
        })
    }
}
