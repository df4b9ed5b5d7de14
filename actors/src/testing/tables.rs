//! What the memory journal holds, and what one transaction does to it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::memory_journal::{Counts, OutboxRow};
use crate::ports::{
    Append, Appended, BatchError, Create, Created, IdempotencyKeyHash, IdempotencyRecord, Stored,
};
use payoutd_domain::{Entry, NewPayout, PayoutId, QuoteId, Snapshot, Timestamp, Version};

pub(super) struct Row {
    pub(super) created: Arc<NewPayout>,
    /// As text, as a database keeps them.
    pub(super) texts: Vec<String>,
    /// What those texts say: what does not survive that is found out by every test.
    pub(super) entries: Vec<Entry>,
    pub(super) last: Arc<Snapshot>,
}

#[derive(Default)]
pub(super) struct Tables {
    pub(super) rows: BTreeMap<PayoutId, Row>,
    pub(super) quotes: HashMap<QuoteId, PayoutId>,
    pub(super) outbox: Vec<OutboxRow>,
    pub(super) answers: HashMap<IdempotencyKeyHash, IdempotencyRecord>,
    pub(super) counts: Counts,
    /// Payouts with an append under way, by process, and whether it is committed already.
    pub(super) writing: HashMap<(u32, PayoutId), bool>,
    /// Those that had two of one process: then two actors own one payout.
    pub(super) written_twice: Vec<PayoutId>,
}

/// What an entry is once it has been text.
#[expect(clippy::expect_used, reason = "an entry that does not survive it is a bug to be found")]
fn through_text(entry: &Entry) -> (String, Entry) {
    let text = serde_json::to_string(entry).expect("an entry can be written");
    let read = serde_json::from_str(&text).expect("a stored entry can be read");
    (text, read)
}

impl Tables {
    pub(super) fn load(&self, ids: &[PayoutId]) -> Vec<Option<Stored>> {
        let stored = |row: &Row| Stored { created: Arc::clone(&row.created), entries: row.entries.clone() };
        ids.iter().map(|id| self.rows.get(id).map(stored)).collect()
    }

    pub(super) fn begin(&mut self, process: u32, ids: &[PayoutId]) {
        for id in ids {
            if self.writing.insert((process, *id), false).is_some() {
                self.written_twice.push(*id);
            }
        }
    }

    pub(super) fn end(&mut self, process: u32, ids: &[PayoutId]) {
        for id in ids {
            self.writing.remove(&(process, *id));
        }
    }

    /// All or nothing, as a database transaction is.
    pub(super) fn create(&mut self, batch: &[Create]) -> Result<Vec<Created>, BatchError> {
        let mut quotes: HashMap<PayoutId, &QuoteId> = HashMap::new();
        for write in batch {
            let (id, quote) = (write.payout.id, &write.payout.terms.quote_id);
            let stored = self.rows.get(&id).map(|row| &row.created.terms.quote_id);
            let known = stored.unwrap_or_else(|| *quotes.entry(id).or_insert(quote));
            if known != quote {
                return Err(BatchError::Rejected(format!("{id} exists already, from another quote")));
            }
        }
        Ok(batch.iter().map(|write| self.create_one(write)).collect())
    }

    fn create_one(&mut self, write: &Create) -> Created {
        let Create { payout, change, answer, traceparent } = write;
        if let Some(id) = self.quotes.get(&payout.terms.quote_id) {
            return Created::QuoteUsed(*id);
        }
        assert_eq!(change.snapshot.version, Version::FIRST, "a payout starts at the first version");
        let last = Arc::clone(&change.snapshot);
        self.quotes.insert(payout.terms.quote_id.clone(), payout.id);
        let row = Row { created: Arc::clone(payout), texts: Vec::new(), entries: Vec::new(), last };
        self.rows.insert(payout.id, row);
        self.outbox.push(OutboxRow { change: change.clone(), traceparent: traceparent.clone() });
        if let Some(answer) = answer {
            self.keep(answer);
        }
        self.counts.committed += 1;
        Created::Inserted
    }

    /// Keeps an answer, unless one of the same name has not expired.
    pub(super) fn keep(&mut self, answer: &IdempotencyRecord) -> IdempotencyRecord {
        let kept = self.answers.entry(answer.name).or_insert_with(|| answer.clone());
        if kept.expires_at <= answer.kept_at {
            *kept = answer.clone();
        }
        kept.clone()
    }

    pub(super) fn append(&mut self, process: u32, write: &Append) -> Appended {
        let row = self.rows.get_mut(&write.payout_id());
        let Some(row) = row.filter(|row| row.last.version == write.expected) else {
            self.counts.conflicts += 1;
            return Appended::Conflict;
        };
        assert_eq!(write.entry.version, write.expected.next(), "an entry makes the next version");
        assert_eq!(write.after.version, write.entry.version, "the row shows the version it has");
        let (text, entry) = through_text(&write.entry);
        row.texts.push(text);
        row.entries.push(entry);
        row.last = Arc::clone(&write.after);
        for change in &write.changes {
            let traceparent = write.traceparent.clone();
            self.outbox.push(OutboxRow { change: change.clone(), traceparent });
        }
        self.counts.committed += 1;
        if let Some(committed) = self.writing.get_mut(&(process, write.payout_id())) {
            *committed = true;
        }
        Appended::Committed
    }

    pub(super) fn due(&self, now: Timestamp, limit: u32) -> Vec<PayoutId> {
        let mut due: Vec<_> = self
            .rows
            .iter()
            .filter_map(|(id, row)| Some((row.last.state.due().filter(|due| due.passed(now))?, *id)))
            .map(|(due, id)| (due.estimate.delivery_at, id))
            .collect();
        due.sort_unstable();
        due.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        due.into_iter().map(|(_, id)| id).collect()
    }
}
