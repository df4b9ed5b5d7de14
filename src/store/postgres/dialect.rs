//! Sets of rows as parameters: one array for each column.

use sqlx::Postgres;
use uuid::Uuid;

use super::{Statement, sql};
use crate::store::rows::planned_reports::PlannedReportRow;
use crate::store::rows::webhooks::NewDeliveryRow;
use crate::store::sql::DialectSql;
use crate::store::sql_store::SqlDatabase;

impl SqlDatabase for Postgres {
    const SQL: DialectSql = sql::DIALECT;

    fn bind_ids(statement: Statement, ids: &[Uuid]) -> Statement {
        statement.bind(ids)
    }

    fn bind_integers(statement: Statement, integers: &[i64]) -> Statement {
        statement.bind(integers)
    }

    fn bind_texts(statement: Statement, texts: &[&str]) -> Statement {
        statement.bind(texts)
    }

    fn bind_planned_reports(statement: Statement, reports: &[PlannedReportRow]) -> Statement {
        statement
            .bind(reports.iter().map(|report| report.payout_id).collect::<Vec<_>>())
            .bind(reports.iter().map(|report| report.step).collect::<Vec<_>>())
            .bind(reports.iter().map(|report| report.due_at).collect::<Vec<_>>())
            .bind(reports.iter().map(|report| report.body.as_str()).collect::<Vec<_>>())
    }

    fn bind_deliveries(statement: Statement, deliveries: &[NewDeliveryRow]) -> Statement {
        statement
            .bind(deliveries.iter().map(|delivery| delivery.payout_id).collect::<Vec<_>>())
            .bind(deliveries.iter().map(|delivery| delivery.sequence).collect::<Vec<_>>())
            .bind(deliveries.iter().map(|delivery| delivery.r#type).collect::<Vec<_>>())
            .bind(deliveries.iter().map(|delivery| delivery.created_at).collect::<Vec<_>>())
    }
}
