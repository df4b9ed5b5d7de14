//! The parking lot port.

use async_trait::async_trait;
use payoutd_actors::ports::Unavailable;
use payoutd_domain::{PayoutId, ReportKey, Timestamp};
use sqlx::Row;

use super::{PgStore, sql};
use crate::reports::{ParkedReport, ParkedReportStore};
use crate::runtime::detached::unavailable;
use crate::store::at::At;
use crate::store::rows::{ParkedRow, read_rows};

#[async_trait]
impl ParkedReportStore for PgStore {
    async fn park(&self, report: &ParkedReport) -> Result<(), Unavailable> {
        let statement = sqlx::query(sql::PARK)
            .bind(report.payout_id.0)
            .bind(report.key.source.to_string())
            .bind(report.key.id.to_string())
            .bind(report.body.clone())
            .bind(report.traceparent.clone())
            .bind(At(report.parked_at))
            .bind(At(report.expires_at));
        self.write(statement).await.map(drop).map_err(unavailable)
    }

    async fn claimable(&self, limit: u32) -> Result<Vec<ParkedReport>, Unavailable> {
        let rows = self.read(sqlx::query(sql::PARKED_CLAIMABLE).bind(i64::from(limit))).await?;
        Ok(read_rows::<_, ParkedRow>(&rows)?.into_iter().map(ParkedReport::from).collect())
    }

    async fn expired(&self, now: Timestamp, limit: u32) -> Result<Vec<ParkedReport>, Unavailable> {
        let statement = sqlx::query(sql::PARKED_EXPIRED).bind(At(now)).bind(i64::from(limit));
        let rows = self.read(statement).await?;
        Ok(read_rows::<_, ParkedRow>(&rows)?.into_iter().map(ParkedReport::from).collect())
    }

    async fn unpark(&self, payout_id: PayoutId, key: &ReportKey) -> Result<(), Unavailable> {
        let statement =
            sqlx::query(sql::UNPARK).bind(payout_id.0).bind(key.source.to_string()).bind(key.id.to_string());
        self.write(statement).await.map(drop).map_err(unavailable)
    }

    async fn parked(&self) -> Result<u64, Unavailable> {
        let rows = self.read(sqlx::query(sql::PARKED_COUNT)).await?;
        Ok(rows.first().map_or(0, |row| row.get::<i64, _>(0)).unsigned_abs())
    }
}
