//! The plan store port.

use async_trait::async_trait;
use payoutd_actors::ports::Unavailable;
use payoutd_domain::{PayoutId, Timestamp};

use super::{PgStore, sql};
use crate::runtime::detached::unavailable;
use crate::sandbox::{PlanStore, PlannedReport};
use crate::store::at::At;
use crate::store::rows::{PlannedRow, converted};

#[async_trait]
impl PlanStore for PgStore {
    async fn insert_plan(&self, reports: &[PlannedReport]) -> Result<(), Unavailable> {
        let statement = sqlx::query(sql::PLAN)
            .bind(reports.iter().map(|report| report.payout_id.0).collect::<Vec<_>>())
            .bind(reports.iter().map(|report| i64::from(report.step)).collect::<Vec<_>>())
            .bind(reports.iter().map(|report| At(report.due_at)).collect::<Vec<_>>())
            .bind(reports.iter().map(|report| report.body.as_str()).collect::<Vec<_>>());
        self.write(statement).await.map(drop).map_err(unavailable)
    }

    async fn due_reports(&self, now: Timestamp, limit: u32) -> Result<Vec<PlannedReport>, Unavailable> {
        let rows = self.read(sqlx::query(sql::PLAN_DUE).bind(At(now)).bind(i64::from(limit))).await?;
        converted::<_, PlannedRow, PlannedReport>(&rows)
    }

    async fn mark_reported(&self, payout_id: PayoutId, step: u32) -> Result<(), Unavailable> {
        let statement = sqlx::query(sql::PLAN_DONE).bind(payout_id.0).bind(i64::from(step));
        self.write(statement).await.map(drop).map_err(unavailable)
    }
}
