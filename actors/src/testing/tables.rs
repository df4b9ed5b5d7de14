//! The tables of the memory journal, and the effect of one transaction on them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::ports::{
    Append, Appended, BatchError, Create, Created, IdempotencyKeyHash, IdempotencyRecord, Stored,
};
use payoutd_domain::{Change, Entry, NewPayout, PayoutId, QuoteId, Snapshot, Timestamp, Version};

/// One row of the outbox.
#[derive(Debug, Clone)]
pub struct OutboxRow {
    /// The change to publish.
    pub change: Change,
    /// The trace context of the request or report.
    pub traceparent: Option<Arc<str>>,
}

/// The number of calls to a journal, including those that failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CallCounts {
    /// Calls of `load`.
    pub loads: u64,
    /// Calls of `create`.
    pub creates: u64,
    /// Calls of `append`.
    pub appends: u64,
    /// Calls of `due`.
    pub dues: u64,
    /// Committed writes, including creations.
    pub committed: u64,
    /// Appends whose expected version differed from the row's.
    pub conflicts: u64,
}

pub(super) struct Row {
    pub(super) created: Arc<NewPayout>,
    /// The entries as JSON, as a database stores them.
    pub(super) json: Vec<String>,
    /// The entries parsed from `json`, so that every test fails if an entry does not survive a round trip.
    pub(super) entries: Vec<Entry>,
    pub(super) snapshot: Arc<Snapshot>,
}

#[derive(Default)]
pub(super) struct Tables {
    pub(super) rows: BTreeMap<PayoutId, Row>,
    pub(super) quotes: HashMap<QuoteId, PayoutId>,
    pub(super) outbox: Vec<OutboxRow>,
    pub(super) idempotency_records: HashMap<IdempotencyKeyHash, IdempotencyRecord>,
    pub(super) counts: CallCounts,
    /// The appends in flight by process and payout, and whether they are committed.
    pub(super) appends_in_flight: HashMap<(u32, PayoutId), bool>,
    /// Payouts that had two appends of one process in flight, and so two actors.
    pub(super) concurrent_appends: Vec<PayoutId>,
}

/// Returns the entry as JSON, and the entry parsed from it.
#[expect(clippy::expect_used, reason = "for tests")]
fn round_trip(entry: &Entry) -> (String, Entry) {
    let json = serde_json::to_string(entry).expect("an entry can be serialized");
    let parsed = serde_json::from_str(&json).expect("a stored entry can be parsed");
    (json, parsed)
}

impl Tables {
    pub(super) fn load(&self, ids: &[PayoutId]) -> Vec<Option<Stored>> {
        let stored = |row: &Row| Stored { created: Arc::clone(&row.created), entries: row.entries.clone() };
        ids.iter().map(|id| self.rows.get(id).map(stored)).collect()
    }

    pub(super) fn begin_appends(&mut self, process: u32, ids: &[PayoutId]) {
        for id in ids {
            if self.appends_in_flight.insert((process, *id), false).is_some() {
                self.concurrent_appends.push(*id);
            }
        }
    }

    pub(super) fn end_appends(&mut self, process: u32, ids: &[PayoutId]) {
        for id in ids {
            self.appends_in_flight.remove(&(process, *id));
        }
    }

    /// Creates a batch atomically, as a database transaction does.
    pub(super) fn create(&mut self, batch: &[Create]) -> Result<Vec<Created>, BatchError> {
        let mut quotes: HashMap<PayoutId, &QuoteId> = HashMap::new();
        for write in batch {
            let (id, quote) = (write.payout.id, &write.payout.terms.quote_id);
            let stored = self.rows.get(&id).map(|row| &row.created.terms.quote_id);
            let known = stored.unwrap_or_else(|| *quotes.entry(id).or_insert(quote));
            if known != quote {
                return Err(BatchError::Rejected(format!("{id} exists with another quote")));
            }
        }
        Ok(batch.iter().map(|write| self.create_one(write)).collect())
    }

    fn create_one(&mut self, write: &Create) -> Created {
        let Create { payout, change, record, traceparent } = write;
        if let Some(id) = self.quotes.get(&payout.terms.quote_id) {
            return Created::QuoteUsed(*id);
        }
        assert_eq!(change.snapshot.version, Version::FIRST, "a payout starts at the first version");
        let snapshot = Arc::clone(&change.snapshot);
        self.quotes.insert(payout.terms.quote_id.clone(), payout.id);
        let row = Row { created: Arc::clone(payout), json: Vec::new(), entries: Vec::new(), snapshot };
        self.rows.insert(payout.id, row);
        self.outbox.push(OutboxRow { change: change.clone(), traceparent: traceparent.clone() });
        if let Some(record) = record {
            self.insert_idempotency_record(record);
        }
        self.counts.committed += 1;
        Created::Inserted
    }

    /// Stores a record unless one with the same key has not expired, and returns the stored one.
    pub(super) fn insert_idempotency_record(&mut self, record: &IdempotencyRecord) -> IdempotencyRecord {
        let stored = self.idempotency_records.entry(record.key_hash).or_insert_with(|| record.clone());
        if stored.expires_at <= record.created_at {
            *stored = record.clone();
        }
        stored.clone()
    }

    pub(super) fn append(&mut self, process: u32, write: &Append) -> Appended {
        let row = self.rows.get_mut(&write.payout_id());
        let Some(row) = row.filter(|row| row.snapshot.version == write.expected) else {
            self.counts.conflicts += 1;
            return Appended::Conflict;
        };
        assert_eq!(write.entry.version, write.expected.next(), "an entry increments the version by one");
        assert_eq!(write.after.version, write.entry.version, "the row has the version of its newest entry");
        let (json, entry) = round_trip(&write.entry);
        row.json.push(json);
        row.entries.push(entry);
        row.snapshot = Arc::clone(&write.after);
        for change in &write.changes {
            let traceparent = write.traceparent.clone();
            self.outbox.push(OutboxRow { change: change.clone(), traceparent });
        }
        self.counts.committed += 1;
        if let Some(committed) = self.appends_in_flight.get_mut(&(process, write.payout_id())) {
            *committed = true;
        }
        Appended::Committed
    }

    pub(super) fn due(&self, now: Timestamp, limit: u32) -> Vec<PayoutId> {
        let mut due: Vec<_> = self
            .rows
            .iter()
            .filter_map(|(id, row)| Some((row.snapshot.state.due().filter(|due| due.passed(now))?, *id)))
            .map(|(due, id)| (due.estimate.delivery_at, id))
            .collect();
        due.sort_unstable();
        due.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        due.into_iter().map(|(_, id)| id).collect()
    }
}
