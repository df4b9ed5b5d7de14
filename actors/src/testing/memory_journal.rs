//! A journal in memory that meets the contract of the [`Journal`] port.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::fault_plan::{Call, Fault, FaultPlan};
use super::sample;
use super::tables::{CallCounts, OutboxRow, Tables};
use crate::ports::{
    Append, Appended, BatchError, Create, Created, IdempotencyKeyHash, IdempotencyRecord, Journal, Stored,
    Unavailable,
};
use payoutd_domain::{Cause, Change, Entry, Outcome, Payout, PayoutId, ReportKey, Snapshot, Timestamp};

/// A journal in memory. Clones share their data, like connections to one database. The data outlives the actors.
#[derive(Clone, Default)]
pub struct MemoryJournal {
    tables: Arc<Mutex<Tables>>,
    faults: FaultPlan,
    process: u32,
}

/// The appends that were in flight when their process was killed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InterruptedAppends {
    /// Appends that were not committed.
    pub before_commit: u64,
    /// Appends that were committed, but whose actor had not received the result.
    pub after_commit: u64,
}

impl MemoryJournal {
    /// An empty journal with the faults of `faults`.
    #[must_use]
    pub fn new(faults: FaultPlan) -> Self {
        Self { tables: Arc::default(), faults, process: 0 }
    }

    /// The same journal, used by the process with this number. A process never has two writes of one payout in flight.
    #[must_use]
    pub fn for_process(&self, process: u32) -> Self {
        Self { process, ..self.clone() }
    }

    /// The fault plan of this journal.
    #[must_use]
    pub fn faults(&self) -> &FaultPlan {
        &self.faults
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The payout's entries, oldest first; empty if the payout does not exist.
    #[must_use]
    pub fn entries(&self, id: PayoutId) -> Vec<Entry> {
        self.tables().rows.get(&id).map(|row| row.entries.clone()).unwrap_or_default()
    }

    /// The payout's entries as JSON, as a database stores them.
    #[must_use]
    pub fn entries_json(&self, id: PayoutId) -> Vec<String> {
        self.tables().rows.get(&id).map(|row| row.json.clone()).unwrap_or_default()
    }

    /// The outcomes recorded for the payout's report with this key. At most one is expected.
    #[must_use]
    pub fn outcomes(&self, id: PayoutId, key: &ReportKey) -> Vec<Outcome> {
        let tables = self.tables();
        let entries = tables.rows.get(&id).map(|row| row.entries.as_slice()).unwrap_or_default();
        let of_report = entries.iter().filter(|entry| match &entry.cause {
            Cause::Report(report) => report.key == *key,
            Cause::DuePassed => false,
        });
        of_report.map(|entry| entry.outcome).collect()
    }

    /// The payout's row: its last committed snapshot.
    #[must_use]
    pub fn row(&self, id: PayoutId) -> Option<Arc<Snapshot>> {
        self.tables().rows.get(&id).map(|row| Arc::clone(&row.snapshot))
    }

    /// The ids of all payouts, in order.
    #[must_use]
    pub fn ids(&self) -> Vec<PayoutId> {
        self.tables().rows.keys().copied().collect()
    }

    /// The outbox in the order of commits.
    #[must_use]
    pub fn outbox(&self) -> Vec<OutboxRow> {
        self.tables().outbox.clone()
    }

    /// The payout's messages in the order of commits.
    #[must_use]
    pub fn outbox_of(&self, id: PayoutId) -> Vec<Change> {
        let tables = self.tables();
        let of_payout = tables.outbox.iter().filter(|row| row.change.snapshot.payout.id == id);
        of_payout.map(|row| row.change.clone()).collect()
    }

    /// All idempotency records, including expired ones.
    #[must_use]
    pub fn idempotency_records(&self) -> Vec<IdempotencyRecord> {
        self.tables().idempotency_records.values().cloned().collect()
    }

    /// The idempotency record with this key, even if it has expired.
    #[must_use]
    pub fn idempotency_record(&self, key_hash: IdempotencyKeyHash) -> Option<IdempotencyRecord> {
        self.tables().idempotency_records.get(&key_hash).cloned()
    }

    /// Stores a record unless one with the same key has not expired, and returns the stored one.
    #[must_use]
    pub fn insert_idempotency_record(&self, record: &IdempotencyRecord) -> IdempotencyRecord {
        self.tables().insert_idempotency_record(record)
    }

    /// The number of calls so far.
    #[must_use]
    pub fn counts(&self) -> CallCounts {
        self.tables().counts
    }

    /// Removes the appends in flight after their processes were killed, and counts them.
    pub fn processes_killed(&self) -> InterruptedAppends {
        let in_flight = std::mem::take(&mut self.tables().appends_in_flight);
        let mut interrupted = InterruptedAppends::default();
        for committed in in_flight.into_values() {
            if committed {
                interrupted.after_commit += 1;
            } else {
                interrupted.before_commit += 1;
            }
        }
        interrupted
    }

    /// Checks the invariants that hold at any time.
    ///
    /// # Panics
    /// Panics if an invariant is violated.
    pub fn assert_consistent(&self) {
        let tables = self.tables();
        let quotes: HashSet<_> = tables.rows.values().map(|row| &row.created.terms.quote_id).collect();
        assert_eq!(
            (tables.rows.len(), tables.quotes.len()),
            (quotes.len(), quotes.len()),
            "I1: one payout per quote"
        );
        let concurrent = &tables.concurrent_appends;
        assert!(concurrent.is_empty(), "I9: two actors of one process wrote at once: {concurrent:?}");
        let mut published: BTreeMap<PayoutId, Vec<i64>> = BTreeMap::new();
        for row in &tables.outbox {
            let snapshot = &row.change.snapshot;
            published.entry(snapshot.payout.id).or_default().push(snapshot.sequence.0);
        }
        for (id, row) in &tables.rows {
            let replayed = Payout::replay(Arc::clone(&row.created), &row.entries);
            let replayed = replayed.map(|payout| payout.snapshot());
            assert_eq!(
                replayed.as_ref(),
                Ok(&*row.snapshot),
                "I4: the row of {id} equals its replayed journal"
            );
            let changes: usize = row.entries.iter().map(|entry| entry.events.len()).sum();
            let sequences: Vec<i64> = (1..).take(1 + changes).collect();
            assert_eq!(
                row.snapshot.sequence.0,
                *sequences.last().unwrap_or(&0),
                "I4: one sequence number per change of {id}"
            );
            assert_eq!(
                published.remove(id),
                Some(sequences),
                "I7: every change of {id} is in the outbox once, in order"
            );
        }
        assert!(published.is_empty(), "I7: in the outbox without a commit: {published:?}");
    }

    /// Runs `work` with the fault of this call, if the plan has one.
    async fn call<T>(
        &self,
        call: Call,
        payouts: &[PayoutId],
        work: impl FnOnce(&mut Tables) -> Result<T, BatchError> + Send + 'static,
    ) -> Result<T, BatchError> {
        {
            let counts = &mut self.tables().counts;
            match call {
                Call::Load => counts.loads += 1,
                Call::Create => counts.creates += 1,
                Call::Append => counts.appends += 1,
                Call::Due => counts.dues += 1,
            }
        }
        let fault = self.faults.next_fault(call, payouts);
        // Yields before and after the work, as a real store does, so that other tasks run in between.
        tokio::task::yield_now().await;
        let result = match fault {
            None | Some(Fault::CorruptJournal | Fault::HangAfter(_)) => work(&mut self.tables()),
            Some(Fault::Slow(time)) => {
                tokio::time::sleep(time / 2).await;
                let result = work(&mut self.tables());
                tokio::time::sleep(time / 2).await;
                result
            }
            Some(Fault::DelayedCommit(after)) => {
                let tables = Arc::clone(&self.tables);
                tokio::spawn(async move {
                    tokio::time::sleep(after).await;
                    // The caller has received `Unknown` already.
                    let _ = work(&mut tables.lock().unwrap_or_else(PoisonError::into_inner));
                });
                Err(BatchError::Unknown("injected by a test".into()))
            }
            Some(Fault::Serialization) => Err(BatchError::Unavailable("could not serialize access".into())),
            Some(Fault::Unavailable) => Err(BatchError::Unavailable("injected by a test".into())),
            Some(Fault::LoseRequest) => Err(BatchError::Unknown("injected by a test".into())),
            Some(Fault::Reject) => Err(BatchError::Rejected("injected by a test".into())),
            Some(Fault::LoseResponse) => {
                work(&mut self.tables())?;
                Err(BatchError::Unknown("injected by a test".into()))
            }
            #[expect(clippy::panic, reason = "this is the injected fault")]
            Some(Fault::Panic) => panic!("a panic injected by a test"),
            Some(Fault::HangBefore(ref gate)) => {
                gate.opened().await;
                work(&mut self.tables())
            }
        };
        tokio::task::yield_now().await;
        if let Some(Fault::HangAfter(gate)) = fault {
            gate.opened().await;
        }
        result
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn load(&self, ids: &[PayoutId]) -> Result<Vec<Option<Stored>>, Unavailable> {
        let corrupted = self.faults.corrupted(ids);
        let loaded_ids = ids.to_vec();
        let loaded = self.call(Call::Load, ids, move |tables| Ok(tables.load(&loaded_ids))).await;
        let mut loaded = loaded.map_err(|error| Unavailable(error.to_string()))?;
        for (id, stored) in ids.iter().zip(&mut loaded) {
            if let Some(stored) = stored.as_mut().filter(|_| corrupted.contains(id)) {
                stored.entries.push(sample::illegal_entry());
            }
        }
        Ok(loaded)
    }

    async fn create(&self, batch: &[Create]) -> Result<Vec<Created>, BatchError> {
        let ids: Vec<_> = batch.iter().map(|write| write.payout.id).collect();
        let batch = batch.to_vec();
        self.call(Call::Create, &ids, move |tables| tables.create(&batch)).await
    }

    async fn append(&self, batch: &[Append]) -> Result<Vec<Appended>, BatchError> {
        let ids: Vec<_> = batch.iter().map(Append::payout_id).collect();
        let distinct: HashSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len(), "I9: a batch contains at most one write per payout");
        let (process, batch) = (self.process, batch.to_vec());
        self.tables().begin_appends(process, &ids);
        let work =
            move |tables: &mut Tables| Ok(batch.iter().map(|write| tables.append(process, write)).collect());
        let appended = self.call(Call::Append, &ids, work).await;
        self.tables().end_appends(process, &ids);
        appended
    }

    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<PayoutId>, Unavailable> {
        let due = self.call(Call::Due, &[], move |tables| Ok(tables.due(now, limit))).await;
        due.map_err(|error| Unavailable(error.to_string()))
    }
}
