//! Reads during reports, on several threads, while actors are stopped every millisecond and commits fail: the snapshots
//! that a reader gets never go back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use payoutd_actors::handle::PayoutsHandle;
use payoutd_actors::reply::ReportError;
use payoutd_actors::supervisor::SupervisorConfig;
use payoutd_actors::testing::sample::{self, id};
use payoutd_actors::testing::{
    FaultPlan, FaultRates, ManualClock, MemoryJournal, start_test_system, test_config,
};
use payoutd_domain::{Mode, Report, Version};

const PAYOUTS: u64 = 4;
const REPORTS: u32 = 150;
const READERS: u64 = 12;

fn progress_report(number: u32) -> Report {
    sample::report(&number.to_string(), i64::from(number), sample::progress(Some(100)))
}

/// Sends each report until it is recorded, as the report intake does.
async fn report_all(payouts: PayoutsHandle, payout: u64) {
    for number in 0..REPORTS {
        while let Err(error) = payouts.report(id(payout), Mode::Live, progress_report(number), None).await {
            assert!(matches!(error, ReportError::Unavailable(_)), "{error}");
        }
        if number % 3 == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

async fn read_until_stopped(
    payouts: PayoutsHandle,
    payout: u64,
    stopped: Arc<AtomicBool>,
    reads: Arc<AtomicU64>,
) {
    let mut newest = Version::FIRST;
    while !stopped.load(Ordering::Relaxed) {
        if let Ok(read) = payouts.read(id(payout)).await {
            let version = read.expect("the payout exists").version;
            assert!(version >= newest, "a read went back from {newest:?} to {version:?}");
            newest = version;
            reads.fetch_add(1, Ordering::Relaxed);
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn reads_never_go_back() {
    let faults = FaultPlan::default();
    let journal = MemoryJournal::new(faults.clone());
    let clock = ManualClock::at(sample::at(0));
    let config = SupervisorConfig {
        idle_after: Duration::from_millis(1),
        passivation_interval: Duration::from_millis(1),
        ..test_config()
    };
    let system = start_test_system(&journal, &clock, config).await;
    for number in 0..PAYOUTS {
        system.payouts.create(sample::payout(number), None).await.unwrap();
    }
    faults.inject_randomly(
        1,
        FaultRates { unavailable: 3, lose_response: 3, lose_request: 3, ..FaultRates::default() },
    );
    let stopped = Arc::new(AtomicBool::new(false));
    let reads = Arc::new(AtomicU64::new(0));
    let readers: Vec<_> = (0..READERS)
        .map(|reader| {
            let (payouts, stopped, reads) =
                (system.payouts.clone(), Arc::clone(&stopped), Arc::clone(&reads));
            tokio::spawn(read_until_stopped(payouts, reader % PAYOUTS, stopped, reads))
        })
        .collect();
    let reporters: Vec<_> =
        (0..PAYOUTS).map(|payout| tokio::spawn(report_all(system.payouts.clone(), payout))).collect();
    for reporter in reporters {
        reporter.await.unwrap();
    }
    stopped.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
    faults.clear();
    for number in 0..PAYOUTS {
        assert_eq!(journal.entries(id(number)).len(), usize::try_from(REPORTS).unwrap());
    }
    journal.assert_consistent();
    assert!(journal.counts().loads > 50, "actors were stopped and spawned");
    assert!(reads.load(Ordering::Relaxed) > 100, "the readers read during the reports");
    system.actors.shutdown(Duration::from_secs(10)).await.unwrap();
}
