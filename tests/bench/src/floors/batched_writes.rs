//! Floor B: the writes of lifecycles in PostgreSQL alone, in batches.

use std::time::Instant;

use futures_util::future::try_join_all;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::statements::{self, MAX_BATCH};
use crate::reports::ReportKind;
use crate::servers::Database;
use crate::template::Template;
use crate::{Error, Result, per_second};

/// Two connections saturate two cores and the log.
const CONNECTIONS: usize = 2;

/// Deletes the oldest `$1` messages. The messages are not read first, because nothing publishes them. A
/// connection may delete the rows of the other one. It deletes fewer rows than it asks for while the other
/// one has them locked.
const DELETE_OUTBOX: &str =
    "WITH deleted AS MATERIALIZED (SELECT id FROM outbox ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)
     DELETE FROM outbox o USING deleted WHERE o.id = deleted.id";

/// Returns lifecycles per second, over at least `count` of them.
pub(crate) async fn measure_lifecycles(
    database: &Database,
    template: &Template,
    count: usize,
) -> Result<f64> {
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        connections.push(PgConnection::connect(&database.floor_url()).await?);
    }
    let rounds = count.div_ceil(CONNECTIONS * MAX_BATCH);
    let started = Instant::now();
    try_join_all(connections.into_iter().map(async |mut connection| {
        for _ in 0..rounds {
            let ids: Vec<Uuid> = (0..MAX_BATCH).map(|_| Uuid::now_v7()).collect();
            let mut written = statements::create_payouts(&mut connection, template, &ids).await?;
            for kind in ReportKind::ALL {
                let reports: Vec<(Uuid, ReportKind)> = ids.iter().map(|id| (*id, kind)).collect();
                written += statements::append_reports(&mut connection, template, &reports).await?;
            }
            if written != 3 * MAX_BATCH {
                return Err("floor B did not write every change".into());
            }
            let mut remaining = written as u64;
            while remaining > 0 {
                let delete = sqlx::query(DELETE_OUTBOX).bind(i64::try_from(remaining)?);
                remaining -= delete.execute(&mut connection).await?.rows_affected();
            }
        }
        Ok::<_, Error>(())
    }))
    .await?;
    Ok(per_second(rounds * CONNECTIONS * MAX_BATCH, started.elapsed()))
}
