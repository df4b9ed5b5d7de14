//! Payouts that are there already, in numbers that nobody would make over HTTP: loaded with SQL, in the shapes that
//! payoutd writes.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::servers::Database;
use crate::template::Sample;
use crate::{Fallible, same};

/// How far a payout has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Created.
    Pending,
    /// Broadcast: in flight.
    Broadcast,
    /// Delivered: finished.
    Delivered,
}

/// Payouts `from..to` by number, in one statement each. More at once gains nothing.
const AT_ONCE: usize = 50_000;

/// The id of a payout in stock, by its number. It has the shape of those that payoutd gives.
pub(crate) fn id(number: usize) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_u128 << 48 | number as u128)
}

/// Loads payouts with these numbers.
pub(crate) async fn load(
    database: &Database,
    sample: &Sample,
    numbers: std::ops::Range<usize>,
    state: State,
) -> Fallible<()> {
    let mut connection = database.connect().await?;
    for from in numbers.clone().step_by(AT_ONCE) {
        let to = (from + AT_ONCE).min(numbers.end);
        rows(&mut connection, sample, from, to, state).await?;
    }
    drop(connection);
    database.run("ANALYZE payouts; ANALYZE journal").await?;
    let loaded = "SELECT count(*) FROM payouts
        WHERE id BETWEEN '01900000-0000-7000-8000-000000000000' AND '01900000-0000-7000-8000-ffffffffffff'";
    same("payouts in stock", database.number(loaded).await?, numbers.end)
}

/// Estimates are ten days ahead, so that nothing is late. Quotes and tokens are random, as real ones are.
const PAYOUTS: &str = "
    INSERT INTO payouts (
        id, org_id, mode, quote_id, tracking_token, external_ref, destination, asset, user_sends, recipient_gets,
        fee_total_usd, from_network, to_network, estimated_seconds, seconds_after_broadcast, created_at,
        status, version, sequence, estimated_delivery_at, late, updated_at
    )
    SELECT
        ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, $3, 'live',
        'quo_' || md5(random()::text) || md5(n::text), gen_random_uuid(), $4, $5, $6, $7::numeric, $8::numeric,
        $9::numeric, $10, $11, 864000, $12, now(),
        $13, $14, $14, now() + interval '864000 seconds', false, now()
    FROM generate_series($1::bigint, $2::bigint) n";

const JOURNAL: &str = "
    INSERT INTO journal (payout_id, version, recorded_at, source, report_id, outcome, entry)
    SELECT
        ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, $3, now(), $4, md5(n::text) || '-' || $3,
        $5, $6::json
    FROM generate_series($1::bigint, $2::bigint) n";

async fn rows(
    connection: &mut PgConnection,
    sample: &Sample,
    from: usize,
    to: usize,
    state: State,
) -> Fallible<()> {
    let (from, last) = (i64::try_from(from)?, i64::try_from(to)? - 1);
    let (status, version) = match state {
        State::Pending => ("pending", 1i64),
        State::Broadcast => ("broadcast", 2),
        State::Delivered => ("delivered", 3),
    };
    let row = &sample.row;
    let payouts = sqlx::query(PAYOUTS).bind(from).bind(last).bind(row.org_id).bind(&row.external_ref);
    let payouts = payouts.bind(&row.destination).bind(&row.asset).bind(&row.user_sends);
    let payouts = payouts.bind(&row.recipient_gets).bind(&row.fee_total_usd).bind(&row.from_network);
    let payouts = payouts.bind(&row.to_network).bind(row.seconds_after_broadcast).bind(status).bind(version);
    payouts.execute(&mut *connection).await?;
    for (entry, version) in sample.entries.iter().zip(2..=version) {
        let journal = sqlx::query(JOURNAL).bind(from).bind(last).bind(version).bind(&entry.source);
        journal.bind(&entry.outcome).bind(&entry.entry).execute(&mut *connection).await?;
    }
    Ok(())
}
