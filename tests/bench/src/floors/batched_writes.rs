//! Floor B: PostgreSQL doing a lifecycle's writes in set-based batches, and nothing else.

use std::time::Instant;

use futures_util::future::try_join_all;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::statements::{self, BATCH};
use crate::reports::Kind;
use crate::servers::Database;
use crate::template::Sample;
use crate::{Fallible, failure, per_second};

/// Two connections keep two cores and the log busy.
const CONNECTIONS: usize = 2;

/// Nobody sends what these wrote to the outbox, so it is not read before it is deleted. As many rows as were written, of
/// whichever connection: where the other one has some of them in hand, the rest is found a moment later.
const STRIKE_OFF: &str =
    "WITH struck AS MATERIALIZED (SELECT id FROM outbox ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)
     DELETE FROM outbox o USING struck WHERE o.id = struck.id";

/// Lifecycles a second, over `count` of them.
pub(crate) async fn lifecycles(database: &Database, sample: &Sample, count: usize) -> Fallible<f64> {
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        connections.push(PgConnection::connect(&database.floor_url()).await?);
    }
    let rounds = count.div_ceil(CONNECTIONS * BATCH);
    let started = Instant::now();
    try_join_all(connections.into_iter().map(async |mut connection| {
        for _ in 0..rounds {
            let ids: Vec<Uuid> = (0..BATCH).map(|_| Uuid::now_v7()).collect();
            let mut written = statements::create(&mut connection, sample, &ids).await?;
            for kind in Kind::BOTH {
                let reports: Vec<(Uuid, Kind)> = ids.iter().map(|id| (*id, kind)).collect();
                written += statements::append(&mut connection, sample, &reports).await?;
            }
            if written != 3 * BATCH {
                return Err(failure("floor B did not write what it should"));
            }
            let mut left = written as u64;
            while left > 0 {
                let strike_off = sqlx::query(STRIKE_OFF).bind(i64::try_from(left)?);
                left -= strike_off.execute(&mut connection).await?.rows_affected();
            }
        }
        Ok(())
    }))
    .await?;
    Ok(per_second(rounds * CONNECTIONS * BATCH, started.elapsed()))
}
