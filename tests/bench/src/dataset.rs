//! Bulk-loaded data sets: payouts inserted with SQL, with the same columns and values that payoutd writes.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::servers::Database;
use crate::template::Template;
use crate::{Result, check_count};

/// The status of the loaded payouts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Pending,
    Broadcast,
    Delivered,
}

/// The number of payouts per `INSERT` statement. Larger statements are not faster.
const ROWS_PER_STATEMENT: usize = 50_000;

/// The id of the loaded payout with this number: a valid UUIDv7, like the ids of payoutd.
pub(crate) fn payout_id(number: usize) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_u128 << 48 | number as u128)
}

/// Loads the payouts with these numbers, and their journals.
pub(crate) async fn load(
    database: &Database,
    template: &Template,
    numbers: std::ops::Range<usize>,
    status: Status,
) -> Result<()> {
    let mut connection = database.connect().await?;
    for from in numbers.clone().step_by(ROWS_PER_STATEMENT) {
        let to = (from + ROWS_PER_STATEMENT).min(numbers.end);
        insert_rows(&mut connection, template, from, to, status).await?;
    }
    drop(connection);
    database.execute("ANALYZE payouts; ANALYZE journal").await?;
    let loaded = "SELECT count(*) FROM payouts
        WHERE id BETWEEN '01900000-0000-7000-8000-000000000000' AND '01900000-0000-7000-8000-ffffffffffff'";
    check_count("loaded payouts", database.query_number(loaded).await?, numbers.end)
}

/// The estimated delivery is ten days ahead, so that no payout becomes late. Quotes and tokens are random,
/// like real ones.
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

async fn insert_rows(
    connection: &mut PgConnection,
    template: &Template,
    from: usize,
    to: usize,
    status: Status,
) -> Result<()> {
    let (from, last) = (i64::try_from(from)?, i64::try_from(to)? - 1);
    let (status, version) = match status {
        Status::Pending => ("pending", 1i64),
        Status::Broadcast => ("broadcast", 2),
        Status::Delivered => ("delivered", 3),
    };
    let row = &template.payout;
    let payouts = sqlx::query(PAYOUTS).bind(from).bind(last).bind(row.org_id).bind(&row.external_ref);
    let payouts = payouts.bind(&row.destination).bind(&row.asset).bind(&row.user_sends);
    let payouts = payouts.bind(&row.recipient_gets).bind(&row.fee_total_usd).bind(&row.from_network);
    let payouts = payouts.bind(&row.to_network).bind(row.seconds_after_broadcast).bind(status).bind(version);
    payouts.execute(&mut *connection).await?;
    for (entry, version) in template.journal.iter().zip(2..=version) {
        let journal = sqlx::query(JOURNAL).bind(from).bind(last).bind(version).bind(&entry.source);
        journal.bind(&entry.outcome).bind(&entry.entry).execute(&mut *connection).await?;
    }
    Ok(())
}
