use async_trait::async_trait;
use payoutd_actors::ports::Unavailable;
use payoutd_domain::{PayoutId, ReportKey, Timestamp};

use crate::reports::{ParkedReport, ParkedReportStore};
use crate::store::db_timestamp::DbTimestamp;
use crate::store::rows::parked_reports::ParkedReportRow;
use crate::store::rows::{decode, decode_first};
use crate::store::sql;
use crate::store::sql_store::{SqlDatabase, SqlStore};
use crate::store::statement::Statement;

#[async_trait]
impl<S: SqlStore> ParkedReportStore for S {
    async fn park(&self, report: &ParkedReport) -> Result<(), Unavailable> {
        let statement = Statement::new(sql::INSERT_PARKED_REPORT)
            .bind(report.payout_id.0)
            .bind(report.key.source.to_string())
            .bind(report.key.id.to_string())
            .bind(report.body.clone())
            .bind(report.traceparent.clone())
            .bind(DbTimestamp(report.parked_at))
            .bind(DbTimestamp(report.expires_at));
        self.write(statement).await.map(drop)
    }

    async fn claimable(&self, limit: u32) -> Result<Vec<ParkedReport>, Unavailable> {
        let statement = Statement::new(S::Database::SQL.claimable_parked_reports).bind(i64::from(limit));
        let rows = self.read(statement).await?;
        Ok(decode::<_, ParkedReportRow>(&rows)?.into_iter().map(ParkedReport::from).collect())
    }

    async fn expired(&self, now: Timestamp, limit: u32) -> Result<Vec<ParkedReport>, Unavailable> {
        let statement =
            Statement::new(sql::EXPIRED_PARKED_REPORTS).bind(DbTimestamp(now)).bind(i64::from(limit));
        let rows = self.read(statement).await?;
        Ok(decode::<_, ParkedReportRow>(&rows)?.into_iter().map(ParkedReport::from).collect())
    }

    async fn unpark(&self, payout_id: PayoutId, key: &ReportKey) -> Result<(), Unavailable> {
        let statement = Statement::new(sql::DELETE_PARKED_REPORT)
            .bind(payout_id.0)
            .bind(key.source.to_string())
            .bind(key.id.to_string());
        self.write(statement).await.map(drop)
    }

    async fn parked(&self) -> Result<u64, Unavailable> {
        let count = decode_first(&self.read(Statement::new(sql::COUNT_PARKED_REPORTS)).await?)?;
        Ok(count.map_or(0, |(count,): (i64,)| count.unsigned_abs()))
    }
}
