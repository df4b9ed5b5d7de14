//! Putting payouts back together from their rows and journals.
//!
//! One that is damaged must not keep the others of its batch from being read, and must not pass for missing either: it
//! comes back with an entry that cannot follow, so that replaying it fails, for it alone.

use std::collections::HashMap;
use std::sync::Arc;

use payoutd_actors::ports::{Stored, Unavailable};
use payoutd_domain::{
    Amount, Cause, Entry, Mode, Network, NewPayout, OrgId, Outcome, PayoutId, QuoteId, Route, Terms,
    Timestamp, TrackingToken, Unchanged, Usd, Version,
};
use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};
use sqlx_macros::FromRow;
use uuid::Uuid;

use super::at::At;
use super::rows::{Damage, TermsRow, damaged};

#[derive(Debug, FromRow)]
pub(super) struct PayoutRow {
    id: Uuid,
    tracking_token: Uuid,
    created_at: At,
    version: i64,
    #[sqlx(flatten)]
    terms: TermsRow,
}

#[derive(Debug, FromRow)]
pub(super) struct EntryRow {
    payout_id: Uuid,
    version: i64,
    entry: String,
}

/// A payout's row, or the error it gave where it could not be decoded.
pub(super) type MaybeRow = (Uuid, Result<PayoutRow, sqlx::Error>);

/// Decodes payouts' rows, each for itself.
pub(super) fn decoded<'r, R>(rows: &'r [R]) -> Result<Vec<MaybeRow>, Unavailable>
where
    R: Row,
    PayoutRow: FromRow<'r, R>,
    Uuid: Decode<'r, R::Database> + Type<R::Database>,
    &'static str: ColumnIndex<R>,
{
    let decoded = rows.iter().map(|row| Ok((row.try_get("id")?, PayoutRow::from_row(row))));
    decoded.collect::<Result<_, sqlx::Error>>().map_err(|error| Unavailable(error.to_string()))
}

/// Whose rows these are.
pub(super) fn ids(rows: &[MaybeRow]) -> Vec<PayoutId> {
    rows.iter().map(|(id, _)| PayoutId(*id)).collect()
}

/// Puts payouts back together, in the order of `ids`.
pub(super) fn assemble(ids: &[PayoutId], rows: Vec<MaybeRow>, entries: Vec<EntryRow>) -> Vec<Option<Stored>> {
    let mut journals: HashMap<Uuid, Vec<EntryRow>> = HashMap::with_capacity(rows.len());
    for entry in entries {
        journals.entry(entry.payout_id).or_default().push(entry);
    }
    let stored: HashMap<Uuid, Stored> = rows
        .into_iter()
        .map(|(id, row)| (id, restore(id, row, journals.remove(&id).unwrap_or_default())))
        .collect();
    ids.iter().map(|id| stored.get(&id.0).cloned()).collect()
}

fn restore(id: Uuid, row: Result<PayoutRow, sqlx::Error>, journal: Vec<EntryRow>) -> Stored {
    let created = row.map_err(damaged("row")).and_then(|row| Ok((row.version, NewPayout::try_from(row)?)));
    let (version, created) = match created {
        Ok((version, created)) => (version, Arc::new(created)),
        Err(damage) => {
            tracing::error!(payout = %PayoutId(id), %damage, "a payout's row is damaged");
            return Stored { created: Arc::new(unreadable(id)), entries: vec![impossible()] };
        }
    };
    let recorded = journal.last().map_or(Version::FIRST.0, |entry| entry.version);
    let mut entries = Vec::with_capacity(journal.len());
    for row in journal {
        match serde_json::from_str::<Entry>(&row.entry) {
            Ok(entry) if entry.version.0 == row.version => entries.push(entry),
            Ok(_) => entries.push(impossible()),
            Err(error) => {
                tracing::error!(payout = %created.id, version = row.version, %error, "a journal entry is damaged");
                entries.push(impossible());
            }
        }
    }
    // The journal is read after the row, so it may be ahead of it, but never behind.
    if recorded < version {
        tracing::error!(payout = %created.id, version, recorded, "the journal ends before its payout's row");
        entries.push(impossible());
    }
    Stored { created, entries }
}

impl TryFrom<PayoutRow> for NewPayout {
    type Error = Damage;

    fn try_from(row: PayoutRow) -> Result<Self, Damage> {
        Ok(Self {
            id: PayoutId(row.id),
            tracking_token: TrackingToken(row.tracking_token),
            created_at: row.created_at.0,
            terms: Arc::new(row.terms.try_into()?),
        })
    }
}

/// An entry that follows no other: versions begin at 2, and nothing applied without events.
fn impossible() -> Entry {
    Entry {
        version: Version(0),
        recorded_at: Timestamp::EPOCH,
        cause: Cause::DuePassed,
        outcome: Outcome::Unchanged(Unchanged::NothingNew),
        events: Vec::new(),
    }
}

/// Stands where a payout's own row could not be read. It never comes to life: it is only ever given together with
/// [`impossible`].
fn unreadable(id: Uuid) -> NewPayout {
    let Ok(quote_id) = "unreadable".parse::<QuoteId>() else { unreachable!("visible ASCII") };
    let nowhere = Network::new("unreadable");
    let terms = Terms {
        org: OrgId(Uuid::nil()),
        mode: Mode::Test,
        quote_id,
        external_ref: "".into(),
        destination: "".into(),
        asset: "".into(),
        user_sends: Amount::ZERO,
        recipient_gets: Amount::ZERO,
        fee_total: Usd(Amount::ZERO),
        route: Route {
            from_network: nowhere.clone(),
            to_network: nowhere,
            estimated_seconds: 0,
            seconds_after_broadcast: 0,
        },
    };
    NewPayout {
        id: PayoutId(id),
        tracking_token: TrackingToken(Uuid::nil()),
        created_at: Timestamp::EPOCH,
        terms: Arc::new(terms),
    }
}
