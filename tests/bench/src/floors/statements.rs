//! The SQL statements of lifecycles, with the values of a template.
//!
//! The texts are payoutd's own, so the floors change with them. The parameters are bound here: change them
//! together with the statements.

use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{PgConnection, Postgres, Row};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Result;
use crate::reports::ReportKind;
use crate::template::Template;

pub(crate) const CREATE_PAYOUTS: &str = include_str!("../../../../src/store/postgres/sql/create.sql");
pub(crate) const APPEND_REPORTS: &str = include_str!("../../../../src/store/postgres/sql/append.sql");
pub(crate) const READ_OUTBOX: &str = include_str!("../../../../src/store/sql/outbox_waiting.sql");
pub(crate) const DELETE_PUBLISHED: &str =
    include_str!("../../../../src/store/postgres/sql/outbox_delete.sql");

/// payoutd's limit for the rows of a batch.
pub(crate) const MAX_BATCH: usize = 500;

type Statement<'q> = Query<'q, Postgres, PgArguments>;

pub(crate) struct OutboxMessage {
    pub(crate) id: i64,
    pub(crate) payout: Uuid,
    pub(crate) sequence: i64,
    pub(crate) kind: String,
    pub(crate) routing_key: String,
    pub(crate) body: String,
}

fn repeat_for_each<T: Clone>(ids: &[Uuid], value: T) -> Vec<T> {
    vec![value; ids.len()]
}

/// Creates payouts like the template. Returns the number of rows written.
pub(crate) async fn create_payouts(
    connection: &mut PgConnection,
    template: &Template,
    ids: &[Uuid],
) -> Result<usize> {
    let row = &template.payout;
    let now = OffsetDateTime::now_utc();
    let [event, ..] = &template.events;
    // Quote ids have the length and randomness of real ones.
    let random = || Uuid::new_v4().simple().to_string();
    let quotes: Vec<String> = ids.iter().map(|_| format!("quo_{}{}", random(), random())).collect();
    let bodies: Vec<String> = ids.iter().map(|id| template.render_for(&event.body, *id)).collect();
    let tokens: Vec<Uuid> = ids.iter().map(|_| Uuid::new_v4()).collect();
    let due = now + time::Duration::seconds(row.estimated_seconds);
    let statement: Statement<'_> = sqlx::query(CREATE_PAYOUTS)
        .bind(ids)
        .bind(repeat_for_each(ids, row.org_id))
        .bind(repeat_for_each(ids, "live"))
        .bind(quotes)
        .bind(tokens)
        .bind(repeat_for_each(ids, row.external_ref.as_str()))
        .bind(repeat_for_each(ids, row.destination.as_str()))
        .bind(repeat_for_each(ids, row.asset.as_str()))
        .bind(repeat_for_each(ids, row.user_sends.as_str()))
        .bind(repeat_for_each(ids, row.recipient_gets.as_str()))
        .bind(repeat_for_each(ids, row.fee_total_usd.as_str()))
        .bind(repeat_for_each(ids, row.from_network.as_str()))
        .bind(repeat_for_each(ids, row.to_network.as_str()))
        .bind(repeat_for_each(ids, row.estimated_seconds))
        .bind(repeat_for_each(ids, row.seconds_after_broadcast))
        .bind(repeat_for_each(ids, now))
        .bind(repeat_for_each(ids, due))
        .bind(repeat_for_each(ids, "payout.created"))
        .bind(repeat_for_each(ids, event.routing_key.as_str()))
        .bind(bodies)
        .bind(repeat_for_each(ids, None::<&str>))
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

/// Records the next report of each payout. Returns the number of rows written.
pub(crate) async fn append_reports(
    connection: &mut PgConnection,
    template: &Template,
    reports: &[(Uuid, ReportKind)],
) -> Result<usize> {
    let now = OffsetDateTime::now_utc();
    // Rows are locked in the order of their ids.
    let mut reports = reports.to_vec();
    reports.sort_unstable_by_key(|(id, _)| *id);
    let ids: Vec<Uuid> = reports.iter().map(|(id, _)| *id).collect();
    let row_of = |kind: ReportKind| match kind {
        ReportKind::Broadcast => {
            (1i64, "broadcast", "payout.broadcast", &template.journal[0], &template.events[1])
        }
        ReportKind::Delivered => {
            (2i64, "delivered", "payout.delivered", &template.journal[1], &template.events[2])
        }
    };
    let rows: Vec<_> = reports.iter().map(|(_, kind)| row_of(*kind)).collect();
    let bodies: Vec<String> =
        reports.iter().map(|(id, kind)| template.render_for(&row_of(*kind).4.body, *id)).collect();
    let report_ids: Vec<String> =
        reports.iter().map(|(id, kind)| format!("{}-{}", id.simple(), row_of(*kind).0 + 1)).collect();
    let sequences: Vec<i64> = rows.iter().map(|row| row.0 + 1).collect();
    let statement: Statement<'_> = sqlx::query(APPEND_REPORTS)
        .bind(&ids)
        .bind(rows.iter().map(|row| row.0).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.1).collect::<Vec<_>>())
        .bind(&sequences)
        .bind(repeat_for_each(&ids, Some(now)))
        .bind(repeat_for_each(&ids, false))
        .bind(repeat_for_each(&ids, None::<&str>))
        .bind(repeat_for_each(&ids, now))
        .bind(rows.iter().map(|row| row.3.source.as_str()).collect::<Vec<_>>())
        .bind(report_ids)
        .bind(rows.iter().map(|row| row.3.outcome.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.3.entry.as_str()).collect::<Vec<_>>())
        .bind(&ids)
        .bind(&sequences)
        .bind(repeat_for_each(&ids, "live"))
        .bind(rows.iter().map(|row| row.2).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.4.routing_key.as_str()).collect::<Vec<_>>())
        .bind(bodies)
        .bind(repeat_for_each(&ids, None::<&str>))
        .bind(repeat_for_each(&ids, now));
    Ok(statement.fetch_all(connection).await?.len())
}

/// Reads the oldest messages of the outbox.
pub(crate) async fn read_outbox(connection: &mut PgConnection, limit: usize) -> Result<Vec<OutboxMessage>> {
    let rows =
        sqlx::query(READ_OUTBOX).bind("live").bind(i64::try_from(limit)?).fetch_all(connection).await?;
    let message = |row: &sqlx::postgres::PgRow| {
        Ok(OutboxMessage {
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

/// Deletes published messages from the outbox.
pub(crate) async fn delete_published(connection: &mut PgConnection, ids: &[i64]) -> Result<()> {
    sqlx::query(DELETE_PUBLISHED).bind(ids).execute(connection).await?;
    Ok(())
}
