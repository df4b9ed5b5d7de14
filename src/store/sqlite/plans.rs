//! The plan store port.

use async_trait::async_trait;
use payoutd_actors::ports::Unavailable;
use payoutd_domain::{PayoutId, Timestamp};
use serde::Serialize;

use super::{SqliteStore, json, sql};
use crate::runtime::detached::unavailable;
use crate::sandbox::{PlanStore, PlannedReport};
use crate::store::at::At;
use crate::store::rows::{PlannedRow, converted};

/// A planned report as a parameter.
#[derive(Serialize)]
struct PlanRecord<'a> {
    payout_id: String,
    step: u32,
    due_at: At,
    body: &'a str,
}

impl<'a> From<&'a PlannedReport> for PlanRecord<'a> {
    fn from(report: &'a PlannedReport) -> Self {
        Self {
            payout_id: report.payout_id.0.simple().to_string(),
            step: report.step,
            due_at: At(report.due_at),
            body: &report.body,
        }
    }
}

#[async_trait]
impl PlanStore for SqliteStore {
    async fn insert_plan(&self, reports: &[PlannedReport]) -> Result<(), Unavailable> {
        let records: Vec<_> = reports.iter().map(PlanRecord::from).collect();
        let statement = sqlx::query(sql::PLAN).bind(json(&records).map_err(unavailable)?);
        self.write_one(statement).await.map(drop).map_err(unavailable)
    }

    async fn due_reports(&self, now: Timestamp, limit: u32) -> Result<Vec<PlannedReport>, Unavailable> {
        let rows = self.read(sqlx::query(sql::PLAN_DUE).bind(At(now)).bind(i64::from(limit))).await?;
        converted::<_, PlannedRow, PlannedReport>(&rows)
    }

    async fn mark_reported(&self, payout_id: PayoutId, step: u32) -> Result<(), Unavailable> {
        let statement = sqlx::query(sql::PLAN_DONE).bind(payout_id.0).bind(i64::from(step));
        self.write_one(statement).await.map(drop).map_err(unavailable)
    }
}
