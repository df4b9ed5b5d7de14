//! Correctness checks after each round. A failed check ends the run.

use std::time::{Duration, Instant};

use sqlx::PgConnection;
use tokio::time::timeout;
use uuid::Uuid;

use crate::amqp::close;
use crate::http_client::{self, Connection};
use crate::reports::{ReportKind, format_payout_id};
use crate::servers::Database;
use crate::system_under_test::{DEAD_LETTERS_QUEUE, EVENTS_QUEUE, REPORTS_QUEUE, SystemUnderTest};
use crate::{Result, check_count};

/// How many payouts of a round are polled over HTTP.
const POLLED: usize = 50;
/// How long a check waits without progress.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Checks that each payout is delivered with a complete journal, and that the outbox is empty.
pub(crate) async fn all_delivered(database: &Database, ids: &[Uuid]) -> Result<()> {
    let mut connection = database.connect().await?;
    let delivered = count(
        &mut connection,
        "SELECT count(*) FROM payouts
         WHERE id = ANY ($1) AND status = 'delivered' AND version = 3 AND sequence = 3 AND attention IS NULL AND NOT late",
        ids,
    );
    check_count("payouts delivered", delivered.await?, ids.len())?;
    let complete = count(
        &mut connection,
        "SELECT count(*) FROM (
            SELECT payout_id FROM journal WHERE payout_id = ANY ($1) AND outcome = 'applied'
            GROUP BY payout_id HAVING array_agg(version ORDER BY version) = '{2,3}'
         ) AS complete",
        ids,
    );
    check_count("complete journals", complete.await?, ids.len())?;
    wait_until_drained(database).await
}

/// Waits until a report of this kind is applied to each payout.
pub(crate) async fn wait_until_applied(database: &Database, ids: &[Uuid], kind: ReportKind) -> Result<()> {
    let (status, version) = match kind {
        ReportKind::Broadcast => ("broadcast", 2i64),
        ReportKind::Delivered => ("delivered", 3),
    };
    let applied = "SELECT count(*) FROM payouts p WHERE id = ANY ($1) AND status = $2 AND version = $3 AND sequence = $3
        AND (SELECT count(*) FROM journal j WHERE j.payout_id = p.id) = $3 - 1";
    let mut connection = database.connect().await?;
    let (mut found, mut since) = (-1, Instant::now());
    while since.elapsed() < TIMEOUT {
        let counted = sqlx::query_scalar(applied).bind(ids).bind(status).bind(version);
        let counted: i64 = counted.fetch_one(&mut connection).await?;
        if usize::try_from(counted)? == ids.len() {
            return Ok(());
        }
        if counted != found {
            (found, since) = (counted, Instant::now());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    check_count(status, found, ids.len())
}

/// Waits until the outbox and the parked reports are empty. payoutd deletes confirmed messages from the
/// outbox shortly after the confirm.
pub(crate) async fn wait_until_drained(database: &Database) -> Result<()> {
    let query = "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM parked_reports)";
    let since = Instant::now();
    while since.elapsed() < TIMEOUT {
        if database.query_number(query).await? == 0 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err("the outbox or the parked reports are not empty".into())
}

/// Checks the payouts in the database and over HTTP, and that the queues are empty.
pub(crate) async fn final_state(system: &SystemUnderTest, ids: &[Uuid]) -> Result<()> {
    all_delivered(&system.database, ids).await?;
    poll_responses(system, ids, "delivered", 3).await?;
    for queue in [REPORTS_QUEUE, DEAD_LETTERS_QUEUE] {
        check_count(queue, i64::from(system.queue_length(queue).await?), 0)?;
    }
    check_no_unread_events(system).await
}

/// Checks that the event queue holds no unread event. RabbitMQ may lose the last acknowledgements before a
/// connection closes; it then redelivers those events.
async fn check_no_unread_events(system: &SystemUnderTest) -> Result<()> {
    loop {
        let waiting = system.queue_length(EVENTS_QUEUE).await?;
        if waiting == 0 {
            return Ok(());
        }
        let channel = system.servers.broker.connect().await?;
        let (writer, mut reader) = channel.into_consumer(EVENTS_QUEUE, 2_000).await?;
        let (mut read, mut unread) = (0, 0);
        while read < waiting {
            let deliveries = reader.read_deliveries(|delivery| {
                read += 1;
                unread += i64::from(!delivery.redelivered);
            });
            let tag =
                timeout(TIMEOUT, deliveries).await.map_err(|_| "no event arrived before the timeout")??;
            writer.acknowledge(tag);
        }
        close(reader, &writer).await?;
        check_count("unread events", unread, 0)?;
    }
}

/// Polls a subset of the payouts and checks status and sequence of each response.
pub(crate) async fn poll_responses(
    system: &SystemUnderTest,
    ids: &[Uuid],
    status: &str,
    sequence: i64,
) -> Result<()> {
    let mut connection = Connection::open(system.payoutd.api).await?;
    for id in ids.iter().step_by(ids.len().div_ceil(POLLED).max(1)) {
        let request = http_client::get(&format!("/payouts/{}", format_payout_id(*id)), &system.key, "");
        let response = connection.call(&request).await?;
        let body: serde_json::Value = serde_json::from_slice(response.body)?;
        if response.status != 200 || body["status"] != status || body["sequence"] != sequence {
            return Err(
                format!("payout {id}: expected status {status} and sequence {sequence}, got {body}").into()
            );
        }
    }
    Ok(())
}

async fn count(connection: &mut PgConnection, query: &'static str, ids: &[Uuid]) -> Result<i64> {
    Ok(sqlx::query_scalar(query).bind(ids).fetch_one(connection).await?)
}
