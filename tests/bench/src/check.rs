//! Correctness stays on: after every round, is every payout where it should be?

use std::time::{Duration, Instant};

use sqlx::PgConnection;
use tokio::time::timeout;
use uuid::Uuid;

use crate::amqp::close;
use crate::http_client::{self, Connection};
use crate::reports::{Kind, payout_name};
use crate::servers::Database;
use crate::system_under_test::{CHAIN_QUEUE, DEAD_LETTERS, EVENTS_QUEUE, Site};
use crate::{Fallible, failure, same};

/// How many of the payouts are also asked for over HTTP.
const POLLED: usize = 50;
/// How long it may take until nothing moves any more.
const PATIENCE: Duration = Duration::from_secs(30);

/// Payouts that are delivered, once each, with every change in the journal and nothing left to be announced.
pub(crate) async fn delivered(database: &Database, ids: &[Uuid]) -> Fallible<()> {
    let mut connection = database.connect().await?;
    let right = count(
        &mut connection,
        "SELECT count(*) FROM payouts
         WHERE id = ANY ($1) AND status = 'delivered' AND version = 3 AND sequence = 3 AND attention IS NULL AND NOT late",
        ids,
    );
    same("payouts delivered", right.await?, ids.len())?;
    let recorded = count(
        &mut connection,
        "SELECT count(*) FROM (
            SELECT payout_id FROM journal WHERE payout_id = ANY ($1) AND outcome = 'applied'
            GROUP BY payout_id HAVING array_agg(version ORDER BY version) = '{2,3}'
         ) AS complete",
        ids,
    );
    same("complete journals", recorded.await?, ids.len())?;
    nothing_left(database).await
}

/// Payouts that a report has moved on, sooner or later.
pub(crate) async fn eventually_moved(database: &Database, ids: &[Uuid], kind: Kind) -> Fallible<()> {
    let (status, version) = match kind {
        Kind::Broadcast => ("broadcast", 2i64),
        Kind::Delivered => ("delivered", 3),
    };
    let moved = "SELECT count(*) FROM payouts p WHERE id = ANY ($1) AND status = $2 AND version = $3 AND sequence = $3
        AND (SELECT count(*) FROM journal j WHERE j.payout_id = p.id) = $3 - 1";
    let mut connection = database.connect().await?;
    let (mut found, mut since) = (-1, Instant::now());
    while since.elapsed() < PATIENCE {
        let counted = sqlx::query_scalar(moved).bind(ids).bind(status).bind(version);
        let counted: i64 = counted.fetch_one(&mut connection).await?;
        if usize::try_from(counted)? == ids.len() {
            return Ok(());
        }
        if counted != found {
            (found, since) = (counted, Instant::now());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    same(status, found, ids.len())
}

/// Nothing waits in the outbox or in the parking lot. What was confirmed last is struck off a moment later.
pub(crate) async fn nothing_left(database: &Database) -> Fallible<()> {
    let rest = "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM parked_reports)";
    let since = Instant::now();
    while since.elapsed() < PATIENCE {
        if database.number(rest).await? == 0 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(failure("something is left in the outbox or in the parking lot"))
}

/// The same through payoutd's own eyes, and the queues around it are empty.
pub(crate) async fn site(site: &Site, ids: &[Uuid]) -> Fallible<()> {
    delivered(&site.database, ids).await?;
    polls(site, ids, "delivered", 3).await?;
    for queue in [CHAIN_QUEUE, DEAD_LETTERS] {
        same(queue, i64::from(site.waiting(queue).await?), 0)?;
    }
    all_announcements_read(site).await
}

/// No announcement waits that nobody has read. Some may have come back: of the acknowledgements just before a connection
/// is closed RabbitMQ may lose a few.
async fn all_announcements_read(site: &Site) -> Fallible<()> {
    loop {
        let waiting = site.waiting(EVENTS_QUEUE).await?;
        if waiting == 0 {
            return Ok(());
        }
        let broker = site.servers.broker.connect().await?;
        let (outgoing, mut incoming) = broker.consuming(EVENTS_QUEUE, 2_000).await?.split();
        let (mut read, mut new) = (0, 0);
        while read < waiting {
            let deliveries = incoming.deliveries(|delivery| {
                read += 1;
                new += i64::from(!delivery.redelivered);
            });
            let tag =
                timeout(PATIENCE, deliveries).await.map_err(|_| failure("announcements went away"))??;
            outgoing.acknowledge(tag);
        }
        close(incoming, &outgoing).await?;
        same("announcements that nobody had read", new, 0)?;
    }
}

/// Polls a few of the payouts: each has this status and sequence.
pub(crate) async fn polls(site: &Site, ids: &[Uuid], status: &str, sequence: i64) -> Fallible<()> {
    let mut partner = Connection::open(site.program.api).await?;
    for id in ids.iter().step_by(ids.len().div_ceil(POLLED).max(1)) {
        let request = http_client::get(&format!("/payouts/{}", payout_name(*id)), &site.key, "");
        let answer = partner.call(&request).await?;
        let body: serde_json::Value = serde_json::from_slice(answer.body)?;
        if answer.status != 200 || body["status"] != status || body["sequence"] != sequence {
            return Err(format!("{id} is not {status} at {sequence}: {body}").into());
        }
    }
    Ok(())
}

async fn count(connection: &mut PgConnection, query: &'static str, ids: &[Uuid]) -> Fallible<i64> {
    Ok(sqlx::query_scalar(query).bind(ids).fetch_one(connection).await?)
}
