use async_trait::async_trait;
use payoutd_actors::ports::Unavailable;
use payoutd_domain::{PayoutId, Timestamp};

use crate::sandbox::{PlanStore, PlannedReport};
use crate::store::db_timestamp::DbTimestamp;
use crate::store::rows::convert;
use crate::store::rows::planned_reports::PlannedReportRow;
use crate::store::sql;
use crate::store::sql_store::{SqlDatabase, SqlStore};
use crate::store::statement::Statement;

#[async_trait]
impl<S: SqlStore> PlanStore for S {
    async fn insert_plan(&self, reports: &[PlannedReport]) -> Result<(), Unavailable> {
        let rows: Vec<_> = reports.iter().map(PlannedReportRow::from).collect();
        let statement = Statement::new(S::Database::SQL.insert_planned_reports).bind_planned_reports(&rows);
        self.write(statement).await.map(drop)
    }

    async fn due_reports(&self, now: Timestamp, limit: u32) -> Result<Vec<PlannedReport>, Unavailable> {
        let statement =
            Statement::new(sql::DUE_PLANNED_REPORTS).bind(DbTimestamp(now)).bind(i64::from(limit));
        convert::<_, PlannedReportRow, _>(&self.read(statement).await?)
    }

    async fn mark_reported(&self, payout_id: PayoutId, step: u32) -> Result<(), Unavailable> {
        let statement = Statement::new(sql::DELETE_PLANNED_REPORT).bind(payout_id.0).bind(i64::from(step));
        self.write(statement).await.map(drop)
    }
}
