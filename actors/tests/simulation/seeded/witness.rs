//! Sees every answer the payouts give, and holds each against the journal at that very moment.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use payoutd_actors::handle::PayoutsHandle;
use payoutd_actors::ports::{Journal, Unavailable};
use payoutd_actors::reply::{CreateError, Receipt, ReportError};
use payoutd_actors::testing::MemoryJournal;
use payoutd_domain::{Mode, NewPayout, Outcome, PayoutId, Report, Sequence, Snapshot, Status, Version};

use super::coverage::{ACKNOWLEDGED, Coverage, QUARANTINED};

/// One line of the trace.
#[derive(Debug, Clone, Hash)]
pub(crate) enum Line {
    Began { life: u64, steps: u64 },
    Created(PayoutId, Result<Version, &'static str>),
    Published { report: usize, payout: PayoutId, kind: &'static str },
    Reported { report: usize, payout: PayoutId, answer: Result<(Outcome, Sequence), &'static str> },
    Read(PayoutId, Option<Option<Version>>),
    Moved(PayoutId, Sequence),
    Broker(&'static str),
    Process(&'static str),
    Journal(PayoutId, Vec<String>),
}

/// What somebody was shown of a payout: none may see less afterwards.
type CachedSnapshot = (Version, Sequence, Status);

/// A report on its way, and from which mode's source.
#[derive(Clone)]
struct Sent {
    payout: PayoutId,
    mode: Mode,
    report: Report,
    acknowledged: bool,
}

#[derive(Default)]
struct Seen {
    /// The newest of each payout that anybody was shown, in this life of the process or an earlier one.
    shown: BTreeMap<PayoutId, CachedSnapshot>,
    created: BTreeMap<PayoutId, NewPayout>,
    reports: Vec<Sent>,
    hash: DefaultHasher,
    lines: Option<Vec<String>>,
    coverage: Coverage,
    faults_are_over: bool,
}

/// The witness. Survives every crash, as watchers, partners and the journal do.
#[derive(Clone)]
pub(crate) struct Witness {
    pub(crate) journal: MemoryJournal,
    seen: Arc<Mutex<Seen>>,
}

impl Witness {
    /// With `keep_lines` the trace can be read afterwards; its hash is the same either way.
    pub(crate) fn new(journal: MemoryJournal, keep_lines: bool) -> Self {
        let seen = Seen { lines: keep_lines.then(Vec::new), ..Seen::default() };
        Self { journal, seen: Arc::new(Mutex::new(seen)) }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a line to the trace.
    pub(crate) fn note(&self, line: Line) {
        let mut seen = self.seen();
        line.hash(&mut seen.hash);
        if let Some(lines) = &mut seen.lines {
            lines.push(format!("{line:?}"));
        }
    }

    /// The hash of everything that was answered, in order, and of what the journal holds now.
    pub(crate) fn trace(&self) -> u64 {
        for payout in self.journal.ids() {
            self.note(Line::Journal(payout, self.journal.entries_json(payout)));
        }
        self.seen().hash.finish()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen().lines.clone().unwrap_or_default()
    }

    pub(crate) fn coverage(&self) -> Coverage {
        self.seen().coverage.clone()
    }

    pub(crate) fn faults_are_over(&self) {
        self.seen().faults_are_over = true;
    }

    fn acknowledged(&self) {
        let mut seen = self.seen();
        let phase = ACKNOWLEDGED[usize::from(seen.faults_are_over)];
        seen.coverage.add(phase, 1);
    }

    pub(crate) async fn create(&self, payouts: &PayoutsHandle, payout: &NewPayout) {
        let answer = payouts.create(payout.clone(), None).await;
        let told = match &answer {
            Ok(snapshot) => Ok(snapshot.version),
            Err(CreateError::QuoteUsed(_)) => Err("quote used"),
            Err(CreateError::Unavailable(_)) => Err("unavailable"),
        };
        self.note(Line::Created(payout.id, told));
        match answer {
            Ok(snapshot) => {
                let row = self.journal.row(payout.id).expect("I2: what is acknowledged is committed");
                assert_eq!(*row.payout, *payout, "I2: on the terms that were asked for");
                self.show(&snapshot);
                self.seen().created.insert(payout.id, payout.clone());
                self.acknowledged();
            }
            Err(CreateError::QuoteUsed(winner)) => {
                let row = self.journal.row(winner).expect("I1: the winner exists");
                assert_eq!(row.payout.terms.quote_id, payout.terms.quote_id, "I1: the winner has the quote");
            }
            Err(CreateError::Unavailable(_)) => {}
        }
    }

    /// A report exists from now on; the number it goes by.
    pub(crate) fn sends(&self, payout: PayoutId, mode: Mode, report: Report) -> usize {
        let kind = report.kind.name();
        let number = {
            let mut seen = self.seen();
            seen.reports.push(Sent { payout, mode, report, acknowledged: false });
            seen.reports.len() - 1
        };
        self.note(Line::Published { report: number, payout, kind });
        number
    }

    pub(crate) fn sent_so_far(&self) -> usize {
        self.seen().reports.len()
    }

    fn sent(&self, number: usize) -> Option<Sent> {
        self.seen().reports.get(number).cloned()
    }

    pub(crate) fn payout_exists(&self, report: usize) -> bool {
        let payout = self.seen().reports.get(report).map(|sent| sent.payout);
        payout.is_some_and(|payout| self.journal.row(payout).is_some())
    }

    /// Hands a report in, and checks the answer.
    pub(crate) async fn report(
        &self,
        payouts: &PayoutsHandle,
        number: usize,
    ) -> Option<Result<Receipt, ReportError>> {
        let Sent { payout, mode, report, .. } = self.sent(number)?;
        let answer = payouts.report(payout, mode, report.clone(), None).await;
        let told = match &answer {
            Ok(receipt) => Ok((receipt.outcome, receipt.sequence)),
            Err(ReportError::NotFound) => Err("not found"),
            Err(ReportError::WrongMode(_)) => Err("wrong mode"),
            Err(ReportError::Quarantined) => Err("quarantined"),
            Err(ReportError::Unavailable(_)) => Err("unavailable"),
        };
        self.note(Line::Reported { report: number, payout, answer: told });
        match &answer {
            Ok(receipt) => self.acknowledges(number, payout, mode, &report, receipt),
            Err(ReportError::Quarantined) => self.seen().coverage.add(QUARANTINED, 1),
            Err(ReportError::NotFound | ReportError::WrongMode(_) | ReportError::Unavailable(_)) => {}
        }
        Some(answer)
    }

    fn acknowledges(&self, number: usize, payout: PayoutId, mode: Mode, report: &Report, receipt: &Receipt) {
        let recorded = self.journal.outcomes(payout, &report.key);
        assert_eq!(recorded.len(), 1, "I5: acknowledged, so recorded once: {payout} {:?}", report.key);
        if receipt.outcome == Outcome::Applied {
            assert_eq!(recorded, [Outcome::Applied], "I5: the outcome that was told is the one recorded");
        }
        let row = self.journal.row(payout).expect("a payout");
        assert_eq!(row.payout.terms.mode, mode, "I8: nobody reports on payouts of the other mode");
        assert!(receipt.sequence <= row.sequence, "I4: nothing is told before it is committed");
        if let Some(sent) = self.seen().reports.get_mut(number) {
            sent.acknowledged = true;
        }
        self.acknowledged();
    }

    /// The broker forgets a message: what it said must be safe.
    pub(crate) fn settled(&self, number: usize, elsewhere: bool) {
        let Some(sent) = self.sent(number) else { return };
        let recorded = self.journal.outcomes(sent.payout, &sent.report.key).len();
        let safe = recorded == 1 || (recorded == 0 && elsewhere);
        assert!(safe, "I6: acknowledged to the broker and recorded {recorded} times: {:?}", sent.report.key);
    }

    /// A report has one end: recorded, parked or dead-lettered.
    pub(crate) fn assert_one_end(&self, number: usize, [parked, dead]: [bool; 2]) {
        let Some(sent) = self.sent(number) else { return };
        let recorded = self.journal.outcomes(sent.payout, &sent.report.key).len();
        let key = &sent.report.key;
        assert_eq!(recorded + usize::from(parked) + usize::from(dead), 1, "I5, I6: one end of {key:?}");
        let row = self.journal.row(sent.payout);
        assert_eq!(parked, row.is_none(), "I10: parked as long as there is no payout: {key:?}");
        let other_mode = row.is_some_and(|row| row.payout.terms.mode != sent.mode);
        assert_eq!(dead, other_mode, "I8: dead-lettered because of its mode: {key:?}");
        assert_eq!(sent.acknowledged, recorded == 1, "I5: whatever is recorded was acknowledged in the end");
    }

    /// A poll.
    pub(crate) async fn poll(&self, payouts: &PayoutsHandle, payout: PayoutId) -> Result<(), Unavailable> {
        self.look(payout, payouts.read(payout)).await
    }

    /// A look at a list, which reads the database for itself and then has each payout shown.
    pub(crate) async fn list(&self, payouts: &PayoutsHandle, payout: PayoutId) -> Result<(), Unavailable> {
        let reading = async {
            let found = self.journal.load(&[payout]).await?.into_iter().flatten().next();
            match found {
                Some(stored) => payouts.current_snapshot(&stored).await.map(Some),
                None => Ok(None),
            }
        };
        self.look(payout, reading).await
    }

    async fn look(
        &self,
        payout: PayoutId,
        reading: impl Future<Output = Result<Option<Arc<Snapshot>>, Unavailable>>,
    ) -> Result<(), Unavailable> {
        let at_least = self.seen().shown.get(&payout).copied();
        let exists = self.journal.row(payout).is_some();
        let answer = reading.await;
        let version = answer.as_ref().ok().map(|read| read.as_ref().map(|snapshot| snapshot.version));
        self.note(Line::Read(payout, version));
        let Some(snapshot) = answer? else {
            assert!(!exists, "I2: {payout} is there for ever");
            return Ok(());
        };
        let shown = shown(&snapshot);
        assert!(
            at_least.is_none_or(|seen| is_not_before(shown, seen)),
            "I3: {payout}: {at_least:?}, then {shown:?}"
        );
        self.show(&snapshot);
        self.acknowledged();
        Ok(())
    }

    /// A stream: follows the payout as long as its process lives.
    pub(crate) async fn follow(&self, payouts: &PayoutsHandle, payout: PayoutId) {
        let mut watch = payouts.subscribe(payout);
        let mut past = Sequence::FIRST;
        loop {
            let news = watch.update_past(past).await;
            self.note(Line::Moved(payout, news.snapshot.sequence));
            assert!(news.snapshot.sequence > past, "I3: a stream never goes back");
            for change in news.after(past).unwrap_or_default() {
                past = past.next();
                assert_eq!(change.sequence(), past, "I4: a stream has no gaps");
            }
            past = news.snapshot.sequence;
            self.show(&news.snapshot);
        }
    }

    /// Somebody sees this.
    fn show(&self, snapshot: &Snapshot) {
        let id = snapshot.payout.id;
        let row = self.journal.row(id).expect("what is shown is committed");
        assert!(is_not_before(shown(&row), shown(snapshot)), "I3: {id} is shown before it is committed");
        let mut seen = self.seen();
        let newest = seen.shown.entry(id).or_insert_with(|| shown(snapshot));
        if is_not_before(shown(snapshot), *newest) {
            *newest = shown(snapshot);
        }
    }

    /// Everything that was ever acknowledged stands.
    pub(crate) fn assert_all_stands(&self) {
        let created = self.seen().created.clone();
        for (id, asked) in created {
            let row = self.journal.row(id).expect("I2: an acknowledged payout is there for ever");
            assert_eq!(*row.payout, asked, "I2: on the same terms");
        }
        let shown_before = self.seen().shown.clone();
        for (id, seen) in shown_before {
            let row = self.journal.row(id).expect("what was shown is there");
            assert!(is_not_before(shown(&row), seen), "I3: {id} was shown further on than it is");
        }
    }
}

fn shown(snapshot: &Snapshot) -> CachedSnapshot {
    (snapshot.version, snapshot.sequence, snapshot.status())
}

fn is_not_before(later: CachedSnapshot, earlier: CachedSnapshot) -> bool {
    later.0 >= earlier.0 && later.1 >= earlier.1 && later.2 >= earlier.2
}
