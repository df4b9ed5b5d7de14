//! Rebuilds payouts from their rows and journals.
//!
//! A payout with an invalid row or journal must not prevent the others of its batch from being read, and must not look
//! like a missing one. It gets an [`invalid_entry`], so that the replay of this payout fails.

use std::collections::HashMap;
use std::sync::Arc;

use payoutd_actors::ports::{Stored, Unavailable};
use payoutd_domain::{
    Amount, Cause, Entry, Mode, Network, NewPayout, OrgId, Outcome, PayoutId, QuoteId, Route, Terms,
    Timestamp, TrackingToken, Unchanged, Usd, Version,
};
use uuid::Uuid;

use super::rows::payouts::{EntryRow, PayoutRow};
use super::rows::{DecodeRow, invalid};

/// The id of a payout, and its row or the error of decoding it.
pub(super) type PayoutRowResult = (Uuid, Result<PayoutRow, sqlx::Error>);

/// Decodes the rows of payouts, each on its own.
pub(super) fn decode_payouts<R>(rows: &[R]) -> Result<Vec<PayoutRowResult>, Unavailable>
where
    R: DecodeRow<PayoutRow> + DecodeRow<(Uuid,)>,
{
    let decode = |row: &R| {
        let (id,) = row.decode_row()?;
        Ok((id, row.decode_row()))
    };
    rows.iter()
        .map(decode)
        .collect::<Result<_, sqlx::Error>>()
        .map_err(|error| Unavailable(error.to_string()))
}

/// Rebuilds payouts, in the order of `ids`.
pub(super) fn hydrate(
    ids: &[Uuid],
    rows: Vec<PayoutRowResult>,
    entries: Vec<EntryRow>,
) -> Vec<Option<Stored>> {
    let mut journals: HashMap<Uuid, Vec<EntryRow>> = HashMap::with_capacity(rows.len());
    for entry in entries {
        journals.entry(entry.payout_id).or_default().push(entry);
    }
    let stored: HashMap<Uuid, Stored> = rows
        .into_iter()
        .map(|(id, row)| (id, hydrate_payout(id, row, journals.remove(&id).unwrap_or_default())))
        .collect();
    ids.iter().map(|id| stored.get(id).cloned()).collect()
}

fn hydrate_payout(id: Uuid, row: Result<PayoutRow, sqlx::Error>, journal: Vec<EntryRow>) -> Stored {
    let created = row.map_err(invalid("row")).and_then(|row| Ok((row.version, NewPayout::try_from(row)?)));
    let (version, created) = match created {
        Ok((version, created)) => (version, Arc::new(created)),
        Err(error) => {
            tracing::error!(payout = %PayoutId(id), %error, "the row of a payout is invalid");
            return Stored { created: Arc::new(placeholder(id)), entries: vec![invalid_entry()] };
        }
    };
    let recorded = journal.last().map_or(Version::FIRST.0, |entry| entry.version);
    let mut entries = Vec::with_capacity(journal.len());
    for row in journal {
        match serde_json::from_str::<Entry>(&row.entry) {
            Ok(entry) if entry.version.0 == row.version => entries.push(entry),
            Ok(_) => entries.push(invalid_entry()),
            Err(error) => {
                tracing::error!(payout = %created.id, version = row.version, %error, "a journal entry is invalid");
                entries.push(invalid_entry());
            }
        }
    }
    // The journal is read after the row, so it may have later versions, but not fewer.
    if recorded < version {
        tracing::error!(payout = %created.id, version, recorded, "the journal ends before the version of its payout");
        entries.push(invalid_entry());
    }
    Stored { created, entries }
}

/// An entry that follows no other: its version is 0 (entries start at 2).
fn invalid_entry() -> Entry {
    Entry {
        version: Version(0),
        recorded_at: Timestamp::EPOCH,
        cause: Cause::DuePassed,
        outcome: Outcome::Unchanged(Unchanged::NothingNew),
        events: Vec::new(),
    }
}

/// Stands for a payout whose row is invalid. It always comes with an [`invalid_entry`], so it is never replayed.
fn placeholder(id: Uuid) -> NewPayout {
    let Ok(quote_id) = "unreadable".parse::<QuoteId>() else { unreachable!("visible ASCII") };
    let network = Network::new("unreadable");
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
            from_network: network.clone(),
            to_network: network,
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
