//! The writes of a lifecycle, in payoutd's own statements, on rows like payoutd's own.
//!
//! The statements' texts are those of `src/store/postgres/sql`, so a floor changes with them. Where their parameters
//! change, this has to follow, and does not work until it does.

use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{PgConnection, Postgres, Row};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Fallible;
use crate::reports::Kind;
use crate::template::Sample;

/// Creates payouts.
pub(crate) const CREATE: &str = include_str!("../../../../src/store/postgres/sql/create.sql");
/// Records reports.
pub(crate) const APPEND: &str = include_str!("../../../../src/store/postgres/sql/append.sql");
/// Reads the outbox.
pub(crate) const WAITING: &str = include_str!("../../../../src/store/postgres/sql/outbox_waiting.sql");
/// Strikes off what was published.
pub(crate) const PUBLISHED: &str = include_str!("../../../../src/store/postgres/sql/outbox_published.sql");

/// The most rows in one batch: what payoutd's own limit is.
pub(crate) const BATCH: usize = 500;

type Statement<'q> = Query<'q, Postgres, PgArguments>;

/// A message in the outbox.
pub(crate) struct Waiting {
    pub(crate) id: i64,
    pub(crate) payout: Uuid,
    pub(crate) sequence: i64,
    pub(crate) kind: String,
    pub(crate) routing_key: String,
    pub(crate) body: String,
}

fn all<T: Clone>(ids: &[Uuid], value: T) -> Vec<T> {
    vec![value; ids.len()]
}

/// Creates payouts like the sample. Says how many it wrote.
pub(crate) async fn create(connection: &mut PgConnection, sample: &Sample, ids: &[Uuid]) -> Fallible<usize> {
    let row = &sample.row;
    let now = OffsetDateTime::now_utc();
    let [event, ..] = &sample.events;
    // As long as a real one, and as random.
    let random = || Uuid::new_v4().simple().to_string();
    let quotes: Vec<String> = ids.iter().map(|_| format!("quo_{}{}", random(), random())).collect();
    let bodies: Vec<String> = ids.iter().map(|id| sample.of(&event.body, *id)).collect();
    let tokens: Vec<Uuid> = ids.iter().map(|_| Uuid::new_v4()).collect();
    let due = now + time::Duration::seconds(row.estimated_seconds);
    let statement: Statement<'_> = sqlx::query(CREATE)
        .bind(ids)
        .bind(all(ids, row.org_id))
        .bind(all(ids, "live"))
        .bind(quotes)
        .bind(tokens)
        .bind(all(ids, row.external_ref.as_str()))
        .bind(all(ids, row.destination.as_str()))
        .bind(all(ids, row.asset.as_str()))
        .bind(all(ids, row.user_sends.as_str()))
        .bind(all(ids, row.recipient_gets.as_str()))
        .bind(all(ids, row.fee_total_usd.as_str()))
        .bind(all(ids, row.from_network.as_str()))
        .bind(all(ids, row.to_network.as_str()))
        .bind(all(ids, row.estimated_seconds))
        .bind(all(ids, row.seconds_after_broadcast))
        .bind(all(ids, now))
        .bind(all(ids, due))
        .bind(all(ids, "payout.created"))
        .bind(all(ids, event.routing_key.as_str()))
        .bind(bodies)
        .bind(all(ids, None::<&str>))
        .bind(Vec::<Uuid>::new())
        .bind(Vec::<Vec<u8>>::new())
        .bind(Vec::<Vec<u8>>::new())
        .bind(Vec::<i64>::new())
        .bind(Vec::<Option<&str>>::new())
        .bind(Vec::<&str>::new())
        .bind(Vec::<OffsetDateTime>::new())
        .bind(Vec::<OffsetDateTime>::new());
    Ok(statement.fetch_all(connection).await?.len())
}

/// Records reports on payouts, each the next one of its payout. Says how many it wrote.
pub(crate) async fn append(
    connection: &mut PgConnection,
    sample: &Sample,
    reports: &[(Uuid, Kind)],
) -> Fallible<usize> {
    let now = OffsetDateTime::now_utc();
    // Rows are locked in this order.
    let mut reports = reports.to_vec();
    reports.sort_unstable_by_key(|(id, _)| *id);
    let ids: Vec<Uuid> = reports.iter().map(|(id, _)| *id).collect();
    let of = |kind: Kind| match kind {
        Kind::Broadcast => (1i64, "broadcast", "payout.broadcast", &sample.entries[0], &sample.events[1]),
        Kind::Delivered => (2i64, "delivered", "payout.delivered", &sample.entries[1], &sample.events[2]),
    };
    let rows: Vec<_> = reports.iter().map(|(_, kind)| of(*kind)).collect();
    let bodies: Vec<String> = reports.iter().map(|(id, kind)| sample.of(&of(*kind).4.body, *id)).collect();
    let report_ids: Vec<String> =
        reports.iter().map(|(id, kind)| format!("{}-{}", id.simple(), of(*kind).0 + 1)).collect();
    let sequences: Vec<i64> = rows.iter().map(|row| row.0 + 1).collect();
    let statement: Statement<'_> = sqlx::query(APPEND)
        .bind(&ids)
        .bind(rows.iter().map(|row| row.0).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.1).collect::<Vec<_>>())
        .bind(&sequences)
        .bind(all(&ids, Some(now)))
        .bind(all(&ids, false))
        .bind(all(&ids, None::<&str>))
        .bind(all(&ids, now))
        .bind(rows.iter().map(|row| row.3.source.as_str()).collect::<Vec<_>>())
        .bind(report_ids)
        .bind(rows.iter().map(|row| row.3.outcome.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.3.entry.as_str()).collect::<Vec<_>>())
        .bind(&ids)
        .bind(&sequences)
        .bind(all(&ids, "live"))
        .bind(rows.iter().map(|row| row.2).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.4.routing_key.as_str()).collect::<Vec<_>>())
        .bind(bodies)
        .bind(all(&ids, None::<&str>))
        .bind(all(&ids, now));
    Ok(statement.fetch_all(connection).await?.len())
}

/// What waits in the outbox, oldest first.
pub(crate) async fn waiting(connection: &mut PgConnection, limit: usize) -> Fallible<Vec<Waiting>> {
    let rows = sqlx::query(WAITING).bind("live").bind(i64::try_from(limit)?).fetch_all(connection).await?;
    let message = |row: &sqlx::postgres::PgRow| {
        Ok(Waiting {
            id: row.try_get("id")?,
            payout: row.try_get("payout_id")?,
            sequence: row.try_get("sequence")?,
            kind: row.try_get("kind")?,
            routing_key: row.try_get("routing_key")?,
            body: row.try_get("body")?,
        })
    };
    Ok(rows.iter().map(message).collect::<Result<_, sqlx::Error>>()?)
}

/// Strikes messages off the outbox.
pub(crate) async fn published(connection: &mut PgConnection, ids: &[i64]) -> Fallible<()> {
    sqlx::query(PUBLISHED).bind(ids).execute(connection).await?;
    Ok(())
}
