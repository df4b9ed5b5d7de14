//! Checks every reply against the journal at the time of the reply.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use payoutd_actors::handle::PayoutsHandle;
use payoutd_actors::ports::{Journal, Unavailable};
use payoutd_actors::reply::{CreateError, Receipt, ReportError};
use payoutd_actors::testing::MemoryJournal;
use payoutd_domain::{Mode, NewPayout, Outcome, PayoutId, Report, Sequence, Snapshot, Status, Version};

use super::coverage::{ACKNOWLEDGED, Coverage, QUARANTINED};

/// One event of the trace.
#[derive(Debug, Clone, Hash)]
pub(crate) enum TraceEvent {
    ProcessStarted { number: u64, steps: u64 },
    Created(PayoutId, Result<Version, &'static str>),
    Published { report: usize, payout: PayoutId, kind: &'static str },
    Reported { report: usize, payout: PayoutId, reply: Result<(Outcome, Sequence), &'static str> },
    Read(PayoutId, Option<Option<Version>>),
    Moved(PayoutId, Sequence),
    Broker(&'static str),
    Process(&'static str),
    Journal(PayoutId, Vec<String>),
}

/// What an observer saw of a payout. No later observation may be older.
type Observation = (Version, Sequence, Status);

/// A published report, with the mode of its source.
#[derive(Clone)]
struct SentReport {
    payout: PayoutId,
    mode: Mode,
    report: Report,
    acknowledged: bool,
}

#[derive(Default)]
struct History {
    /// The newest observation of each payout, in this process or an earlier one.
    observed: BTreeMap<PayoutId, Observation>,
    created: BTreeMap<PayoutId, NewPayout>,
    reports: Vec<SentReport>,
    hash: DefaultHasher,
    lines: Option<Vec<String>>,
    coverage: Coverage,
    is_liveness_phase: bool,
}

/// The checker. It outlives the processes, like watchers, partners and the journal.
#[derive(Clone)]
pub(crate) struct Checker {
    pub(crate) journal: MemoryJournal,
    history: Arc<Mutex<History>>,
}

impl Checker {
    /// With `keep_lines`, [`lines`](Self::lines) returns the trace. Its hash does not depend on that.
    pub(crate) fn new(journal: MemoryJournal, keep_lines: bool) -> Self {
        let history = History { lines: keep_lines.then(Vec::new), ..History::default() };
        Self { journal, history: Arc::new(Mutex::new(history)) }
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an event to the trace.
    pub(crate) fn note(&self, event: TraceEvent) {
        let mut history = self.history();
        event.hash(&mut history.hash);
        if let Some(lines) = &mut history.lines {
            lines.push(format!("{event:?}"));
        }
    }

    /// The hash of all replies in order, and of the journal.
    pub(crate) fn trace(&self) -> u64 {
        for payout in self.journal.ids() {
            self.note(TraceEvent::Journal(payout, self.journal.entries_json(payout)));
        }
        self.history().hash.finish()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.history().lines.clone().unwrap_or_default()
    }

    pub(crate) fn coverage(&self) -> Coverage {
        self.history().coverage.clone()
    }

    pub(crate) fn begin_liveness_phase(&self) {
        self.history().is_liveness_phase = true;
    }

    fn count_acknowledged(&self) {
        let mut history = self.history();
        let phase = ACKNOWLEDGED[usize::from(history.is_liveness_phase)];
        history.coverage.add(phase, 1);
    }

    pub(crate) async fn create(&self, payouts: &PayoutsHandle, payout: &NewPayout) {
        let reply = payouts.create(payout.clone(), None).await;
        let traced = match &reply {
            Ok(snapshot) => Ok(snapshot.version),
            Err(CreateError::QuoteUsed(_)) => Err("quote used"),
            Err(CreateError::Unavailable(_)) => Err("unavailable"),
        };
        self.note(TraceEvent::Created(payout.id, traced));
        match reply {
            Ok(snapshot) => {
                let row = self.journal.row(payout.id).expect("I2: an acknowledged payout is committed");
                assert_eq!(*row.payout, *payout, "I2: a payout has the requested terms");
                self.record_observation(&snapshot);
                self.history().created.insert(payout.id, payout.clone());
                self.count_acknowledged();
            }
            Err(CreateError::QuoteUsed(used_by)) => {
                let row = self.journal.row(used_by).expect("I1: the payout that used the quote exists");
                assert_eq!(
                    row.payout.terms.quote_id, payout.terms.quote_id,
                    "I1: the payout that used the quote has it"
                );
            }
            Err(CreateError::Unavailable(_)) => {}
        }
    }

    /// Adds a published report and returns its number.
    pub(crate) fn record_sent(&self, payout: PayoutId, mode: Mode, report: Report) -> usize {
        let kind = report.kind.name();
        let number = {
            let mut history = self.history();
            history.reports.push(SentReport { payout, mode, report, acknowledged: false });
            history.reports.len() - 1
        };
        self.note(TraceEvent::Published { report: number, payout, kind });
        number
    }

    pub(crate) fn reports_sent(&self) -> usize {
        self.history().reports.len()
    }

    fn sent(&self, number: usize) -> Option<SentReport> {
        self.history().reports.get(number).cloned()
    }

    pub(crate) fn payout_exists(&self, report: usize) -> bool {
        let payout = self.history().reports.get(report).map(|sent| sent.payout);
        payout.is_some_and(|payout| self.journal.row(payout).is_some())
    }

    /// Sends a report to its payout, and checks the reply.
    pub(crate) async fn report(
        &self,
        payouts: &PayoutsHandle,
        number: usize,
    ) -> Option<Result<Receipt, ReportError>> {
        let SentReport { payout, mode, report, .. } = self.sent(number)?;
        let reply = payouts.report(payout, mode, report.clone(), None).await;
        let traced = match &reply {
            Ok(receipt) => Ok((receipt.outcome, receipt.sequence)),
            Err(ReportError::NotFound) => Err("not found"),
            Err(ReportError::WrongMode(_)) => Err("wrong mode"),
            Err(ReportError::Quarantined) => Err("quarantined"),
            Err(ReportError::Unavailable(_)) => Err("unavailable"),
        };
        self.note(TraceEvent::Reported { report: number, payout, reply: traced });
        match &reply {
            Ok(receipt) => self.check_receipt(number, payout, mode, &report, receipt),
            Err(ReportError::Quarantined) => self.history().coverage.add(QUARANTINED, 1),
            Err(ReportError::NotFound | ReportError::WrongMode(_) | ReportError::Unavailable(_)) => {}
        }
        Some(reply)
    }

    fn check_receipt(&self, number: usize, payout: PayoutId, mode: Mode, report: &Report, receipt: &Receipt) {
        let recorded = self.journal.outcomes(payout, &report.key);
        assert_eq!(
            recorded.len(),
            1,
            "I5: an acknowledged report is recorded once: {payout} {:?}",
            report.key
        );
        if receipt.outcome == Outcome::Applied {
            assert_eq!(recorded, [Outcome::Applied], "I5: the outcome in the receipt is recorded");
        }
        let row = self.journal.row(payout).expect("the payout exists");
        assert_eq!(row.payout.terms.mode, mode, "I8: no report on a payout of the other mode is recorded");
        assert!(receipt.sequence <= row.sequence, "I4: the sequence in the receipt is committed");
        if let Some(sent) = self.history().reports.get_mut(number) {
            sent.acknowledged = true;
        }
        self.count_acknowledged();
    }

    /// A message was acknowledged to the broker: its report must be stored. `is_stored` says whether it is parked or
    /// dead-lettered.
    pub(crate) fn acknowledged_to_broker(&self, number: usize, is_stored: bool) {
        let Some(sent) = self.sent(number) else { return };
        let recorded = self.journal.outcomes(sent.payout, &sent.report.key).len();
        let is_safe = recorded == 1 || (recorded == 0 && is_stored);
        assert!(
            is_safe,
            "I6: acknowledged to the broker and recorded {recorded} times: {:?}",
            sent.report.key
        );
    }

    /// Checks that a report has one final outcome: recorded, parked or dead-lettered.
    pub(crate) fn assert_one_outcome(&self, number: usize, [parked, dead]: [bool; 2]) {
        let Some(sent) = self.sent(number) else { return };
        let recorded = self.journal.outcomes(sent.payout, &sent.report.key).len();
        let key = &sent.report.key;
        assert_eq!(
            recorded + usize::from(parked) + usize::from(dead),
            1,
            "I5, I6: one final outcome of {key:?}"
        );
        let row = self.journal.row(sent.payout);
        assert_eq!(parked, row.is_none(), "I10: a report is parked while its payout does not exist: {key:?}");
        let other_mode = row.is_some_and(|row| row.payout.terms.mode != sent.mode);
        assert_eq!(dead, other_mode, "I8: a report of the other mode is dead-lettered: {key:?}");
        assert_eq!(sent.acknowledged, recorded == 1, "I5: a recorded report is acknowledged");
    }

    /// Reads a payout.
    pub(crate) async fn poll(&self, payouts: &PayoutsHandle, payout: PayoutId) -> Result<(), Unavailable> {
        self.check_read(payout, payouts.read(payout)).await
    }

    /// Reads a payout as a list does: from the database, and then through the snapshot cache.
    pub(crate) async fn list(&self, payouts: &PayoutsHandle, payout: PayoutId) -> Result<(), Unavailable> {
        let reading = async {
            let found = self.journal.load(&[payout]).await?.into_iter().flatten().next();
            match found {
                Some(stored) => payouts.current_snapshot(&stored).await.map(Some),
                None => Ok(None),
            }
        };
        self.check_read(payout, reading).await
    }

    async fn check_read(
        &self,
        payout: PayoutId,
        reading: impl Future<Output = Result<Option<Arc<Snapshot>>, Unavailable>>,
    ) -> Result<(), Unavailable> {
        let earlier = self.history().observed.get(&payout).copied();
        let exists = self.journal.row(payout).is_some();
        let reply = reading.await;
        let version = reply.as_ref().ok().map(|read| read.as_ref().map(|snapshot| snapshot.version));
        self.note(TraceEvent::Read(payout, version));
        let Some(snapshot) = reply? else {
            assert!(!exists, "I2: {payout} exists permanently");
            return Ok(());
        };
        let observed = observation(&snapshot);
        assert!(
            earlier.is_none_or(|earlier| is_not_before(observed, earlier)),
            "I3: {payout}: {earlier:?}, then {observed:?}"
        );
        self.record_observation(&snapshot);
        self.count_acknowledged();
        Ok(())
    }

    /// Subscribes to a payout until the process is killed.
    pub(crate) async fn subscribe(&self, payouts: &PayoutsHandle, payout: PayoutId) {
        let mut subscription = payouts.subscribe(payout);
        let mut past = Sequence::FIRST;
        loop {
            let update = subscription.update_past(past).await;
            self.note(TraceEvent::Moved(payout, update.snapshot.sequence));
            assert!(update.snapshot.sequence > past, "I3: a subscription never goes back");
            for change in update.after(past).unwrap_or_default() {
                past = past.next();
                assert_eq!(change.sequence(), past, "I4: a subscription has no gaps");
            }
            past = update.snapshot.sequence;
            self.record_observation(&update.snapshot);
        }
    }

    /// Checks an observation, and records it if it is the newest.
    fn record_observation(&self, snapshot: &Snapshot) {
        let id = snapshot.payout.id;
        let row = self.journal.row(id).expect("a snapshot is committed before it can be read");
        assert!(
            is_not_before(observation(&row), observation(snapshot)),
            "I3: {id} was read before it was committed"
        );
        let mut history = self.history();
        let newest = history.observed.entry(id).or_insert_with(|| observation(snapshot));
        if is_not_before(observation(snapshot), *newest) {
            *newest = observation(snapshot);
        }
    }

    /// Checks that everything that was acknowledged or read is committed.
    pub(crate) fn assert_acknowledged_is_committed(&self) {
        let created = self.history().created.clone();
        for (id, requested) in created {
            let row = self.journal.row(id).expect("I2: an acknowledged payout exists permanently");
            assert_eq!(*row.payout, requested, "I2: an acknowledged payout keeps its terms");
        }
        let observed = self.history().observed.clone();
        for (id, earlier) in observed {
            let row = self.journal.row(id).expect("I2: a payout that was read exists");
            assert!(
                is_not_before(observation(&row), earlier),
                "I3: {id} is older than a snapshot that was read"
            );
        }
    }
}

fn observation(snapshot: &Snapshot) -> Observation {
    (snapshot.version, snapshot.sequence, snapshot.status())
}

fn is_not_before(later: Observation, earlier: Observation) -> bool {
    later.0 >= earlier.0 && later.1 >= earlier.1 && later.2 >= earlier.2
}
