//! A journal in memory that keeps every promise of the [`Journal`] port.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::tables::Tables;
use super::{Call, Fault, FaultPlan};
use crate::ports::{
    Append, Appended, BatchError, Create, Created, IdempotencyKeyHash, IdempotencyRecord, Journal, Stored,
    Unavailable,
};
use payoutd_domain::{Cause, Change, Entry, Outcome, Payout, PayoutId, ReportKey, Snapshot, Timestamp};

/// One row of the outbox.
#[derive(Debug, Clone)]
pub struct OutboxRow {
    /// The message.
    pub change: Change,
    /// The trace context it travels with.
    pub traceparent: Option<Arc<str>>,
}

/// How often the journal was asked, faults included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls of `load`.
    pub loads: u64,
    /// Calls of `create`.
    pub creates: u64,
    /// Calls of `append`.
    pub appends: u64,
    /// Calls of `due`.
    pub dues: u64,
    /// Writes committed, creations included.
    pub committed: u64,
    /// Appends that met another version than they expected.
    pub conflicts: u64,
}

/// The journal. Clones are the same journal, as connections are to one database: it survives the actors over it.
#[derive(Clone, Default)]
pub struct MemoryJournal {
    tables: Arc<Mutex<Tables>>,
    faults: FaultPlan,
    process: u32,
}

/// Appends that were under way when their process died.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CutOff {
    /// Not committed, and never to be.
    pub before_commit: u64,
    /// Committed, and nobody was told.
    pub after_commit: u64,
}

impl MemoryJournal {
    /// An empty journal with which goes wrong what `faults` says.
    #[must_use]
    pub fn new(faults: FaultPlan) -> Self {
        Self { tables: Arc::default(), faults, process: 0 }
    }

    /// The same journal as another process sees it. Within one process a payout never has two writes under way.
    #[must_use]
    pub fn of_process(&self, process: u32) -> Self {
        Self { process, ..self.clone() }
    }

    /// What goes wrong with it.
    #[must_use]
    pub fn faults(&self) -> &FaultPlan {
        &self.faults
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The payout's entries, oldest first. Empty where there is no such payout.
    #[must_use]
    pub fn entries(&self, id: PayoutId) -> Vec<Entry> {
        self.tables().rows.get(&id).map(|row| row.entries.clone()).unwrap_or_default()
    }

    /// The same as text, as a database keeps them.
    #[must_use]
    pub fn texts(&self, id: PayoutId) -> Vec<String> {
        self.tables().rows.get(&id).map(|row| row.texts.clone()).unwrap_or_default()
    }

    /// The outcome of each time that this report of the payout was recorded.
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
        self.tables().rows.get(&id).map(|row| Arc::clone(&row.last))
    }

    /// Every payout there is, by id.
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

    /// The answers that are kept.
    #[must_use]
    pub fn answers(&self) -> Vec<IdempotencyRecord> {
        self.tables().answers.values().cloned().collect()
    }

    /// The answer of this name.
    #[must_use]
    pub fn answer(&self, name: IdempotencyKeyHash) -> Option<IdempotencyRecord> {
        self.tables().answers.get(&name).cloned()
    }

    /// Keeps an answer unless one of the same name has not expired, and returns the one that is kept.
    #[must_use]
    pub fn keep_answer(&self, answer: &IdempotencyRecord) -> IdempotencyRecord {
        self.tables().keep(answer)
    }

    /// How often it was asked.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.tables().counts
    }

    /// The processes over it died: what they were writing has happened or not, and nobody waits for it any more.
    pub fn process_died(&self) -> CutOff {
        let writing = std::mem::take(&mut self.tables().writing);
        let mut cut_off = CutOff::default();
        for committed in writing.into_values() {
            if committed {
                cut_off.after_commit += 1;
            } else {
                cut_off.before_commit += 1;
            }
        }
        cut_off
    }

    /// Checks everything that must be true of a journal at any time.
    ///
    /// # Panics
    /// Where something is not.
    pub fn assert_sound(&self) {
        let tables = self.tables();
        let quotes: HashSet<_> = tables.rows.values().map(|row| &row.created.terms.quote_id).collect();
        assert_eq!(
            (tables.rows.len(), tables.quotes.len()),
            (quotes.len(), quotes.len()),
            "I1: one payout per quote"
        );
        let twice = &tables.written_twice;
        assert!(twice.is_empty(), "I9: two actors of one process wrote at once: {twice:?}");
        let mut told: BTreeMap<PayoutId, Vec<i64>> = BTreeMap::new();
        for row in &tables.outbox {
            let snapshot = &row.change.snapshot;
            told.entry(snapshot.payout.id).or_default().push(snapshot.sequence.0);
        }
        for (id, row) in &tables.rows {
            let replayed = Payout::replay(Arc::clone(&row.created), &row.entries);
            let replayed = replayed.map(|payout| payout.snapshot());
            assert_eq!(replayed.as_ref(), Ok(&*row.last), "I4: the row of {id} is what its journal tells");
            let changes: usize = row.entries.iter().map(|entry| entry.events.len()).sum();
            let sequences: Vec<i64> = (1..).take(1 + changes).collect();
            assert_eq!(
                row.last.sequence.0,
                *sequences.last().unwrap_or(&0),
                "I4: one sequence per change of {id}"
            );
            assert_eq!(
                told.remove(id),
                Some(sequences),
                "I7: every change of {id} is announced once, in order"
            );
        }
        assert!(told.is_empty(), "I7: announced without being committed: {told:?}");
    }

    /// Does `work` as the plan for this call says.
    async fn call<T>(
        &self,
        call: Call,
        touched: &[PayoutId],
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
        let fault = self.faults.strike(call, touched);
        // The way to a real store takes its time, so everybody else gets a turn; so does the way back.
        tokio::task::yield_now().await;
        let done = match fault {
            None | Some(Fault::Damage | Fault::HangAfter(_)) => work(&mut self.tables()),
            Some(Fault::Slow(time)) => {
                tokio::time::sleep(time / 2).await;
                let done = work(&mut self.tables());
                tokio::time::sleep(time / 2).await;
                done
            }
            Some(Fault::LandLate(after)) => {
                let tables = Arc::clone(&self.tables);
                tokio::spawn(async move {
                    tokio::time::sleep(after).await;
                    // Nobody is there to be told.
                    let _ = work(&mut tables.lock().unwrap_or_else(PoisonError::into_inner));
                });
                Err(BatchError::Unknown("ordered by a test".into()))
            }
            Some(Fault::Serialization) => Err(BatchError::Unavailable("could not serialize access".into())),
            Some(Fault::Unavailable) => Err(BatchError::Unavailable("ordered by a test".into())),
            Some(Fault::LoseRequest) => Err(BatchError::Unknown("ordered by a test".into())),
            Some(Fault::Reject) => Err(BatchError::Rejected("ordered by a test".into())),
            Some(Fault::LoseAnswer) => {
                work(&mut self.tables())?;
                Err(BatchError::Unknown("ordered by a test".into()))
            }
            #[expect(clippy::panic, reason = "that is what was asked for")]
            Some(Fault::Panic) => panic!("a panic ordered by a test"),
            Some(Fault::HangBefore(ref gate)) => {
                gate.pass().await;
                work(&mut self.tables())
            }
        };
        tokio::task::yield_now().await;
        if let Some(Fault::HangAfter(gate)) = fault {
            gate.pass().await;
        }
        done
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn load(&self, ids: &[PayoutId]) -> Result<Vec<Option<Stored>>, Unavailable> {
        let damaged = self.faults.damaged(ids);
        let wanted = ids.to_vec();
        let loaded = self.call(Call::Load, ids, move |tables| Ok(tables.load(&wanted))).await;
        let mut loaded = loaded.map_err(|error| Unavailable(error.to_string()))?;
        for (id, stored) in ids.iter().zip(&mut loaded) {
            if let Some(stored) = stored.as_mut().filter(|_| damaged.contains(id)) {
                stored.entries.push(super::sample::impossible_entry());
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
        assert_eq!(distinct.len(), ids.len(), "I9: a batch never holds two writes of one payout");
        let (process, batch) = (self.process, batch.to_vec());
        self.tables().begin(process, &ids);
        let work =
            move |tables: &mut Tables| Ok(batch.iter().map(|write| tables.append(process, write)).collect());
        let appended = self.call(Call::Append, &ids, work).await;
        self.tables().end(process, &ids);
        appended
    }

    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<PayoutId>, Unavailable> {
        let due = self.call(Call::Due, &[], move |tables| Ok(tables.due(now, limit))).await;
        due.map_err(|error| Unavailable(error.to_string()))
    }
}
