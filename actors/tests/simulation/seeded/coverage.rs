//! What a run has seen. A run that saw too little proves nothing, whatever it did not find.

use std::collections::BTreeMap;

use payoutd_actors::ports::Stored;
use payoutd_actors::testing::{Fault, MemoryJournal};
use payoutd_domain::{Cause, Payout, Status};

/// Every fault of the store that happens by chance.
const STORE: [Fault; 8] = [
    Fault::Unavailable,
    Fault::LoseResponse,
    Fault::LoseRequest,
    Fault::DelayedCommit(std::time::Duration::ZERO),
    Fault::Serialization,
    Fault::Slow(std::time::Duration::ZERO),
    Fault::Reject,
    Fault::CorruptJournal,
];

pub(crate) const DIED_BEFORE_COMMIT: &str = "process died before a commit";
pub(crate) const DIED_AFTER_COMMIT: &str = "process died after a commit";
pub(crate) const PANICKED: &str = "panic in the middle of work";
pub(crate) const OTHER_PROCESS: &str = "another process took over";
pub(crate) const CONFLICT: &str = "stale writer refused";
pub(crate) const QUARANTINED: &str = "payout quarantined";
pub(crate) const LATE: &str = "delivery late";
pub(crate) const DUPLICATED: &str = "message duplicated";
pub(crate) const REORDERED: &str = "message reordered";
pub(crate) const DELAYED: &str = "message delayed";
pub(crate) const REDELIVERED: &str = "message redelivered";
pub(crate) const ACK_LOST: &str = "acknowledgement lost";
pub(crate) const DROPPED: &str = "connection to the broker dropped";
pub(crate) const BLOCKED: &str = "broker blocked";
pub(crate) const PARKED: &str = "report parked";
pub(crate) const DEAD_LETTERED: &str = "report dead-lettered";

const OTHERS: [&str; 16] = [
    DIED_BEFORE_COMMIT,
    DIED_AFTER_COMMIT,
    PANICKED,
    OTHER_PROCESS,
    CONFLICT,
    QUARANTINED,
    LATE,
    DUPLICATED,
    REORDERED,
    DELAYED,
    REDELIVERED,
    ACK_LOST,
    DROPPED,
    BLOCKED,
    PARKED,
    DEAD_LETTERED,
];

const REPORTS: [&str; 4] = ["broadcast", "progress", "delivered", "failed"];

/// Operations acknowledged while everything went wrong, and after that.
pub(crate) const ACKNOWLEDGED: [&str; 2] = ["acknowledged under faults", "acknowledged after the faults"];
/// How many of each a seed must have on average.
const ENOUGH: u64 = 5;

/// How often what happened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Coverage {
    seeds: u64,
    counts: BTreeMap<String, u64>,
}

impl Coverage {
    pub(crate) fn of_one_seed() -> Self {
        Self { seeds: 1, counts: BTreeMap::new() }
    }

    pub(crate) fn add(&mut self, what: &str, times: u64) {
        match self.counts.get_mut(what) {
            Some(count) => *count += times,
            None => drop(self.counts.insert(what.to_owned(), times)),
        }
    }

    pub(crate) fn count(&self, what: &str) -> u64 {
        self.counts.get(what).copied().unwrap_or(0)
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.seeds += other.seeds;
        for (what, times) in &other.counts {
            self.add(what, *times);
        }
    }

    /// Counts which report met which state, and checks the road of every payout on the way.
    pub(crate) fn add_journal(&mut self, journal: &MemoryJournal) {
        let all = journal.ids();
        for created in all.iter().filter_map(|id| journal.row(*id)).map(|row| row.payout.clone()) {
            let entries = journal.entries(created.id);
            let mut payout = Payout::new(created.clone());
            for entry in &entries {
                let before = payout.state().status();
                match &entry.cause {
                    Cause::Report(report) => {
                        assert_eq!(
                            report_mode(&report.key.source),
                            created.terms.mode.as_str(),
                            "I8: whose report"
                        );
                        self.add(&cell(before, report.kind.name()), 1);
                    }
                    Cause::DuePassed => self.add(LATE, 1),
                }
                payout.apply(entry).expect("I4: a journal can be replayed");
                let after = payout.state().status();
                assert!(before <= after, "I3: {} went back from {before} to {after}", created.id);
                assert!(before != Status::Failed || before == after, "I3: nothing follows a failure");
            }
            let stored = Stored { created, entries };
            assert!(ended_or_no_evidence(&stored, payout.state().status()), "I10: {stored:#?}");
        }
    }

    /// What a run that proves something would have had, and this one has not.
    pub(crate) fn missing(&self) -> Vec<String> {
        let store = STORE.iter().map(|fault| fault.name().to_owned());
        let others = OTHERS.iter().map(|name| (*name).to_owned());
        let cells = Status::ALL.into_iter().flat_map(|state| REPORTS.map(|report| cell(state, report)));
        let mut missing: Vec<_> = store
            .chain(others)
            .chain(cells)
            .filter(|what| self.count(what) == 0)
            .map(|what| format!("never: {what}"))
            .collect();
        for what in ACKNOWLEDGED {
            if self.count(what) < ENOUGH * self.seeds.max(1) {
                missing.push(format!("too few: {what} ({})", self.count(what)));
            }
        }
        missing
    }

    /// One line for each thing that happened.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.counts.iter().map(|(what, times)| format!("{times:>12}  {what}")).collect()
    }
}

fn cell(state: Status, report: &str) -> String {
    format!("report of {report} in {state}")
}

/// The mode that a source speaks for, by its name.
pub(crate) fn report_mode(source: &str) -> &'static str {
    if source.starts_with("simulator/") { "test" } else { "live" }
}

fn ended_or_no_evidence(stored: &Stored, status: Status) -> bool {
    let is_evidence = |cause: &Cause| match cause {
        Cause::Report(report) => matches!(report.kind.name(), "delivered" | "failed"),
        Cause::DuePassed => false,
    };
    status.is_end() || !stored.entries.iter().any(|entry| is_evidence(&entry.cause))
}
