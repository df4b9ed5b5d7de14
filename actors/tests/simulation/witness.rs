//! Sees every answer the payouts give, and holds each against the journal at that very moment.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use payoutd_actors::payout::{
    Cause, Entry, NewPayout, Outcome, PayoutId, Report, ReportKey, Snapshot, Version,
};
use payoutd_actors::payouts::{CreateError, Receipt, ReportError};
use payoutd_actors::ports::Unavailable;
use payoutd_actors::testing::MemoryJournal;

#[derive(Default)]
struct Seen {
    /// The newest version of each payout that anybody was shown, in this life of the process or an earlier one.
    shown: BTreeMap<PayoutId, Version>,
    /// Reports that were sent, and whether they were acknowledged.
    reports: Vec<(PayoutId, Report, bool)>,
    trace: DefaultHasher,
    answers: u64,
}

/// The witness. Survives every crash, as watchers, partners and the journal do.
#[derive(Clone)]
pub(crate) struct Witness {
    pub(crate) journal: MemoryJournal,
    seen: Arc<Mutex<Seen>>,
}

impl Witness {
    pub(crate) fn new(journal: MemoryJournal) -> Self {
        Self { journal, seen: Arc::default() }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a line to the trace.
    pub(crate) fn note(&self, line: impl Hash) {
        line.hash(&mut self.seen().trace);
    }

    /// Everything that was answered, in order, and what the journal holds now.
    pub(crate) fn trace(&self) -> u64 {
        for payout in self.journal.ids() {
            self.note(serde_json::to_string(&self.journal.entries(payout)).expect("entries can be written"));
        }
        self.seen().trace.finish()
    }

    pub(crate) fn answers(&self) -> u64 {
        self.seen().answers
    }

    fn answered(&self, what: &str, whose: PayoutId, how: &str) {
        self.note((what, whose, how));
        self.seen().answers += 1;
    }

    pub(crate) fn created(&self, payout: &NewPayout, answer: &Result<Arc<Snapshot>, CreateError>) {
        self.answered(
            "create",
            payout.id,
            &format!("{:?}", answer.as_ref().map(|snapshot| snapshot.version)),
        );
        match answer {
            Ok(_) => {
                let row = self.journal.row(payout.id).expect("what is answered is committed");
                assert_eq!(row.payout.tracking_token, payout.tracking_token);
                self.showed(payout.id, Version::FIRST);
            }
            Err(CreateError::QuoteUsed(winner)) => {
                let row = self.journal.row(*winner).expect("the winner exists");
                assert_eq!(row.payout.terms.quote_id, payout.terms.quote_id);
            }
            Err(CreateError::Unavailable(_)) => {}
        }
    }

    /// A report is sent; the number to tell the answer under.
    pub(crate) fn sends(&self, payout: PayoutId, report: Report) -> usize {
        let mut seen = self.seen();
        seen.reports.push((payout, report, false));
        seen.reports.len() - 1
    }

    /// A report that was sent before.
    pub(crate) fn sent(&self, number: usize) -> Option<(PayoutId, Report)> {
        self.seen().reports.get(number).map(|(payout, report, _)| (*payout, report.clone()))
    }

    pub(crate) fn unacknowledged(&self) -> Vec<usize> {
        let seen = self.seen();
        (0..seen.reports.len()).filter(|number| !seen.reports[*number].2).collect()
    }

    pub(crate) fn reported(&self, number: usize, answer: &Result<Receipt, ReportError>) {
        let Some((payout, report)) = self.sent(number) else { return };
        self.answered("report", payout, &format!("{answer:?}"));
        if let Ok(receipt) = answer {
            let recorded =
                entry_of(&self.journal.entries(payout), &report.key).expect("acknowledged, so recorded");
            if receipt.outcome == Outcome::Applied {
                assert_eq!(recorded.outcome, Outcome::Applied);
            }
            let row = self.journal.row(payout).expect("a payout");
            assert!(receipt.sequence <= row.sequence, "nothing is told before it is committed");
            self.seen().reports[number].2 = true;
        }
    }

    /// A read begins: nothing older than this may be shown.
    pub(crate) fn reads(&self, payout: PayoutId) -> Option<Version> {
        let committed = self.seen().shown.get(&payout).copied();
        committed.or_else(|| self.journal.row(payout).map(|_| Version::FIRST))
    }

    pub(crate) fn read(
        &self,
        payout: PayoutId,
        at_least: Option<Version>,
        answer: &Result<Option<Arc<Snapshot>>, Unavailable>,
    ) {
        let version = answer.as_ref().map(|read| read.as_ref().map(|snapshot| snapshot.version));
        self.answered("read", payout, &format!("{version:?}"));
        let Ok(version) = version else { return };
        assert!(version >= at_least, "{payout} went back from {at_least:?} to {version:?}");
        if let Some(version) = version {
            let row = self.journal.row(payout).expect("what is shown is committed");
            assert!(version <= row.version, "nothing is shown before it is committed");
            self.showed(payout, version);
        }
    }

    fn showed(&self, payout: PayoutId, version: Version) {
        let mut seen = self.seen();
        let newest = seen.shown.entry(payout).or_insert(version);
        *newest = version.max(*newest);
    }

    /// Every report that was sent is in the journal exactly once.
    pub(crate) fn assert_all_recorded_once(&self) {
        self.journal.assert_sound();
        let reports = self.seen().reports.clone();
        for (payout, report, acknowledged) in reports {
            assert!(acknowledged || self.journal.row(payout).is_none(), "{payout}: {:?}", report.key);
            let entries = self.journal.entries(payout);
            let count = entries.iter().filter(|entry| is_of(entry, &report.key)).count();
            assert_eq!(count, usize::from(acknowledged), "{payout}: {:?}", report.key);
        }
    }
}

fn is_of(entry: &Entry, key: &ReportKey) -> bool {
    match &entry.cause {
        Cause::Report(report) => report.key == *key,
        Cause::DuePassed => false,
    }
}

fn entry_of(entries: &[Entry], key: &ReportKey) -> Option<Entry> {
    entries.iter().find(|entry| is_of(entry, key)).cloned()
}
