//! One lifecycle as payoutd does it: what the floors write and send is made of the very same rows and bytes.

use serde::{Deserialize, Serialize};
use sqlx_macros::FromRow;
use uuid::Uuid;

use crate::amqp::{Tally, close};
use crate::http::{self, Connection};
use crate::reports::{Kind, Reports, payout_id, payout_name};
use crate::site::Site;
use crate::{Fallible, failure, quotes};

/// Everything that one payout left behind, once it was delivered.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// Whose it was.
    pub(crate) id: Uuid,
    /// Its row.
    pub(crate) row: PayoutRow,
    /// What was sent of it: created, broadcast, delivered.
    pub(crate) events: [Event; 3],
    /// What its journal holds: broadcast, delivered.
    pub(crate) entries: [EntryRow; 2],
    /// How its creation was answered.
    pub(crate) created: Response,
    /// How a poll is answered.
    pub(crate) polled: Response,
}

/// The columns of a payout that never change.
#[derive(Debug, Clone, Serialize, Deserialize, FromRow)]
pub(crate) struct PayoutRow {
    /// The owner.
    pub(crate) org_id: Uuid,
    /// What it was executed from.
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

/// A message to services downstream.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) routing_key: String,
    pub(crate) body: String,
}

/// An entry of the journal.
#[derive(Debug, Clone, Serialize, Deserialize, FromRow)]
pub(crate) struct EntryRow {
    pub(crate) source: String,
    pub(crate) report_id: String,
    pub(crate) outcome: String,
    pub(crate) entry: String,
}

/// An answer of the partner API.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// Its headers, but for length and date, which every server writes itself.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Response {
    /// An answer with this status, as it came.
    pub(crate) fn of(answer: &http::Answer<'_>, status: u16) -> Fallible<Self> {
        let body = String::from_utf8(answer.body.to_vec())?;
        if answer.status != status {
            return Err(format!("{} instead of {status}: {body}", answer.status).into());
        }
        let head = std::str::from_utf8(answer.head)?;
        let headers = head.lines().skip(1).filter_map(|line| line.split_once(": "));
        let ours = headers.filter(|(name, _)| !matches!(*name, "content-length" | "date"));
        let headers = ours.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Ok(Self { status, headers, body })
    }
}

impl Sample {
    /// Takes one payout through its life.
    pub(crate) async fn take(site: &Site) -> Fallible<Self> {
        let quote = quotes::make(site.program.api, &site.key, 1).await?.remove(0);
        let mut partner = Connection::open(site.program.api).await?;
        let created = Response::of(&partner.call(&quotes::execute(&site.key, &quote)).await?, 201)?;
        let body: serde_json::Value = serde_json::from_str(&created.body)?;
        let name = body["id"].as_str().ok_or_else(|| failure("a payout without an id"))?;
        let (id, _) = payout_id(name.as_bytes()).ok_or_else(|| failure("an unusual payout id"))?;
        let mut events = vec![];
        let mut watched = site.watch_events().await?;
        events.push(watched.next().await?);
        let (outgoing, mut confirms) = site.servers.broker.connect().await?.publishing().await?.split();
        for kind in Kind::BOTH {
            let body = Reports::new().body(id, kind);
            outgoing.publish(site.chain_exchange, &payout_name(id), "", body.as_bytes());
            confirms.confirms(&mut Tally::default()).await?;
            events.push(watched.next().await?);
        }
        watched.end().await?;
        close(confirms, &outgoing).await?;
        let poll = http::get(&format!("/payouts/{name}"), &site.key, "");
        let polled = Response::of(&partner.call(&poll).await?, 200)?;
        let events = events.try_into().map_err(|_| failure("three events were due"))?;
        let (row, entries) = rows(site, id).await?;
        Ok(Self { id, row, events, entries, created, polled })
    }

    /// A text of the sample as it would be of another payout.
    pub(crate) fn of(&self, text: &str, id: Uuid) -> String {
        text.replace(&payout_name(self.id), &payout_name(id))
    }
}

async fn rows(site: &Site, id: Uuid) -> Fallible<(PayoutRow, [EntryRow; 2])> {
    let mut connection = site.database.connect().await?;
    let row = sqlx::query_as(
        "SELECT org_id, quote_id, external_ref, destination, asset, user_sends::text, recipient_gets::text,
            fee_total_usd::text, from_network, to_network, estimated_seconds, seconds_after_broadcast
         FROM payouts WHERE id = $1",
    );
    let row = row.bind(id).fetch_one(&mut connection).await?;
    let entries = sqlx::query_as(
        "SELECT source, report_id, outcome, entry::text FROM journal WHERE payout_id = $1 ORDER BY version",
    );
    let entries: Vec<EntryRow> = entries.bind(id).fetch_all(&mut connection).await?;
    Ok((row, entries.try_into().map_err(|_| failure("two journal entries were due"))?))
}
