use sqlx::Sqlite;
use uuid::Uuid;

use super::json::Json;
use super::{Statement, sql};
use crate::store::rows::planned_reports::PlannedReportRow;
use crate::store::rows::webhooks::NewDeliveryRow;
use crate::store::sql::DialectSql;
use crate::store::sql_store::SqlDatabase;

impl SqlDatabase for Sqlite {
    const SQL: DialectSql = sql::DIALECT;

    fn bind_ids(statement: Statement, ids: &[Uuid]) -> Statement {
        let ids: Vec<_> = ids.iter().map(Uuid::as_simple).collect();
        statement.bind(Json(&ids))
    }

    fn bind_integers(statement: Statement, integers: &[i64]) -> Statement {
        statement.bind(Json(integers))
    }

    fn bind_texts(statement: Statement, texts: &[&str]) -> Statement {
        statement.bind(Json(texts))
    }

    fn bind_planned_reports(statement: Statement, reports: &[PlannedReportRow]) -> Statement {
        statement.bind(Json(reports))
    }

    fn bind_deliveries(statement: Statement, deliveries: &[NewDeliveryRow]) -> Statement {
        statement.bind(Json(deliveries))
    }
}
