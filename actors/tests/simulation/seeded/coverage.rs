//! The coverage of a run. A run is valid only if its coverage is complete.

use std::collections::BTreeMap;

use payoutd_actors::ports::Stored;
use payoutd_actors::testing::{Fault, MemoryJournal};
use payoutd_domain::{Cause, Payout, Status};

/// The faults of the store.
const STORE_FAULTS: [Fault; 8] = [
    Fault::Unavailable,
    Fault::LoseResponse,
    Fault::LoseRequest,
    Fault::DelayedCommit(std::time::Duration::ZERO),
    Fault::Serialization,
    Fault::Slow(std::time::Duration::ZERO),
    Fault::Reject,
    Fault::CorruptJournal,
];

pub(crate) const KILLED_BEFORE_COMMIT: &str = "process killed before a commit";
pub(crate) const KILLED_AFTER_COMMIT: &str = "process killed after a commit";
pub(crate) const PANICKED: &str = "actor panicked";
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

const OTHER_EVENTS: [&str; 16] = [
    KILLED_BEFORE_COMMIT,
    KILLED_AFTER_COMMIT,
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

/// Operations acknowledged in the safety phase and in the liveness phase.
pub(crate) const ACKNOWLEDGED: [&str; 2] = ["acknowledged with faults", "acknowledged without faults"];
/// The least average number of each per seed.
const MIN_ACKNOWLEDGED: u64 = 5;

/// The number of times that each event occurred.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Coverage {
    seeds: u64,
    counts: BTreeMap<String, u64>,
}

impl Coverage {
    pub(crate) fn of_one_seed() -> Self {
        Self { seeds: 1, counts: BTreeMap::new() }
    }

    pub(crate) fn add(&mut self, event: &str, times: u64) {
        match self.counts.get_mut(event) {
            Some(count) => *count += times,
            None => drop(self.counts.insert(event.to_owned(), times)),
        }
    }

    pub(crate) fn count(&self, event: &str) -> u64 {
        self.counts.get(event).copied().unwrap_or(0)
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.seeds += other.seeds;
        for (event, times) in &other.counts {
            self.add(event, *times);
        }
    }

    /// Counts the reports by state, and checks the transitions of every payout.
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
                            "I8: the source of a report has the mode of the payout"
                        );
                        self.add(&cell(before, report.kind.name()), 1);
                    }
                    Cause::DuePassed => self.add(LATE, 1),
                }
                payout.apply(entry).expect("I4: a journal can be replayed");
                let after = payout.state().status();
                assert!(
                    before <= after,
                    "I3: the status of {} went back from {before} to {after}",
                    created.id
                );
                assert!(before != Status::Failed || before == after, "I3: failed is final");
            }
            let stored = Stored { created, entries };
            assert!(ended_or_no_evidence(&stored, payout.state().status()), "I10: {stored:#?}");
        }
    }

    /// What a valid run has and this one lacks.
    pub(crate) fn missing(&self) -> Vec<String> {
        let store = STORE_FAULTS.iter().map(|fault| fault.name().to_owned());
        let others = OTHER_EVENTS.iter().map(|name| (*name).to_owned());
        let cells = Status::ALL.into_iter().flat_map(|state| REPORTS.map(|report| cell(state, report)));
        let mut missing: Vec<_> = store
            .chain(others)
            .chain(cells)
            .filter(|event| self.count(event) == 0)
            .map(|event| format!("never: {event}"))
            .collect();
        for event in ACKNOWLEDGED {
            if self.count(event) < MIN_ACKNOWLEDGED * self.seeds.max(1) {
                missing.push(format!("too few: {event} ({})", self.count(event)));
            }
        }
        missing
    }

    /// One line per event.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.counts.iter().map(|(event, times)| format!("{times:>12}  {event}")).collect()
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
