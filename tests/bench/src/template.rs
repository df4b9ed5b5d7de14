//! The template of a lifecycle: rows, messages and responses of one payout that payoutd has delivered. The
//! floors write and publish copies of them.

use serde::{Deserialize, Serialize};
use sqlx_macros::FromRow;
use uuid::Uuid;

use crate::amqp::{ConfirmTracker, close};
use crate::http_client::{self, Connection};
use crate::reports::{ReportKind, ReportRenderer, format_payout_id, parse_payout_id};
use crate::system_under_test::{CHAIN_EXCHANGE, SystemUnderTest};
use crate::{Result, quotes};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Template {
    /// The payout that was recorded.
    pub(crate) id: Uuid,
    pub(crate) payout: PayoutRow,
    /// The events created, broadcast and delivered.
    pub(crate) events: [Event; 3],
    /// The entries broadcast and delivered.
    pub(crate) journal: [JournalRow; 2],
    pub(crate) create_response: RecordedResponse,
    pub(crate) poll_response: RecordedResponse,
}

/// The columns of a payout that its changes leave as they are.
#[derive(Debug, Clone, Serialize, Deserialize, FromRow)]
pub(crate) struct PayoutRow {
    pub(crate) org_id: Uuid,
    pub(crate) quote_id: String,
    pub(crate) external_ref: String,
    pub(crate) destination: String,
    pub(crate) asset: String,
    pub(crate) user_sends: String,
    pub(crate) recipient_gets: String,
    pub(crate) fee_total_usd: String,
    pub(crate) from_network: String,
    pub(crate) to_network: String,
    pub(crate) estimated_seconds: i64,
    pub(crate) seconds_after_broadcast: i64,
}

/// A message to downstream services.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) routing_key: String,
    pub(crate) body: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, FromRow)]
pub(crate) struct JournalRow {
    pub(crate) source: String,
    pub(crate) report_id: String,
    pub(crate) outcome: String,
    pub(crate) entry: String,
}

/// A response of the partner API.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RecordedResponse {
    pub(crate) status: u16,
    /// Without `content-length` and `date`, which every server sets itself.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl RecordedResponse {
    /// Copies a response.
    ///
    /// # Errors
    /// Returns an error if the response does not have `status`.
    pub(crate) fn from_response(response: &http_client::Response<'_>, status: u16) -> Result<Self> {
        let body = String::from_utf8(response.body.to_vec())?;
        if response.status != status {
            return Err(format!("expected status {status}, got {}: {body}", response.status).into());
        }
        let head = std::str::from_utf8(response.head)?;
        let headers = head.lines().skip(1).filter_map(|line| line.split_once(": "));
        let headers = headers.filter(|(name, _)| !matches!(*name, "content-length" | "date"));
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Ok(Self { status, headers, body })
    }
}

impl Template {
    /// Creates a payout, reports on it until it is delivered, and records the results.
    pub(crate) async fn record(system: &SystemUnderTest) -> Result<Self> {
        let quote = quotes::create(system.payoutd.api, &system.key, 1).await?.remove(0);
        let mut connection = Connection::open(system.payoutd.api).await?;
        let create_response = RecordedResponse::from_response(
            &connection.call(&quotes::execute_request(&system.key, &quote)).await?,
            201,
        )?;
        let body: serde_json::Value = serde_json::from_str(&create_response.body)?;
        let name = body["id"].as_str().ok_or("the created payout has no id")?;
        let (id, _) = parse_payout_id(name.as_bytes()).ok_or("the created payout has an invalid id")?;
        let mut events = vec![];
        let mut event_reader = system.read_events().await?;
        events.push(event_reader.next().await?);
        let (writer, mut confirms) = system.servers.broker.connect().await?.into_publisher().await?;
        for kind in ReportKind::ALL {
            let body = ReportRenderer::new().render(id, kind);
            writer.publish(CHAIN_EXCHANGE, &format_payout_id(id), "", body.as_bytes());
            confirms.read_confirms(&mut ConfirmTracker::default()).await?;
            events.push(event_reader.next().await?);
        }
        event_reader.close().await?;
        close(confirms, &writer).await?;
        let poll = http_client::get(&format!("/payouts/{name}"), &system.key, "");
        let poll_response = RecordedResponse::from_response(&connection.call(&poll).await?, 200)?;
        let events = events.try_into().map_err(|_| "expected three events")?;
        let (payout, journal) = read_rows(system, id).await?;
        Ok(Self { id, payout, events, journal, create_response, poll_response })
    }

    /// Replaces the recorded payout id in `text` by `id`.
    pub(crate) fn render_for(&self, text: &str, id: Uuid) -> String {
        text.replace(&format_payout_id(self.id), &format_payout_id(id))
    }
}

async fn read_rows(system: &SystemUnderTest, id: Uuid) -> Result<(PayoutRow, [JournalRow; 2])> {
    let mut connection = system.database.connect().await?;
    let row = sqlx::query_as(
        "SELECT org_id, quote_id, external_ref, destination, asset, user_sends::text, recipient_gets::text,
            fee_total_usd::text, from_network, to_network, estimated_seconds, seconds_after_broadcast
         FROM payouts WHERE id = $1",
    );
    let row = row.bind(id).fetch_one(&mut connection).await?;
    let journal = sqlx::query_as(
        "SELECT source, report_id, outcome, entry::text FROM journal WHERE payout_id = $1 ORDER BY version",
    );
    let journal: Vec<JournalRow> = journal.bind(id).fetch_all(&mut connection).await?;
    Ok((row, journal.try_into().map_err(|_| "expected two journal entries")?))
}
