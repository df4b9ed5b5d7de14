//! Reads while everything moves: on many threads, with actors coming and going every millisecond and failing at times, no
//! reader ever sees a payout go back.

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

fn moved(number: u32) -> Report {
    sample::report(&number.to_string(), i64::from(number), sample::progress(Some(100)))
}

/// Reports until it is recorded, as the intake does.
async fn report_all(payouts: PayoutsHandle, payout: u64) {
    for number in 0..REPORTS {
        while let Err(error) = payouts.report(id(payout), Mode::Live, moved(number), None).await {
            assert!(matches!(error, ReportError::Unavailable(_)), "{error}");
        }
        if number % 3 == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

async fn read_on(payouts: PayoutsHandle, payout: u64, over: Arc<AtomicBool>, reads: Arc<AtomicU64>) {
    let mut newest = Version::FIRST;
    while !over.load(Ordering::Relaxed) {
        if let Ok(read) = payouts.read(id(payout)).await {
            let version = read.expect("it was created").version;
            assert!(version >= newest, "went back from {newest:?} to {version:?}");
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
    let started = start_test_system(&journal, &clock, config).await;
    for number in 0..PAYOUTS {
        started.payouts.create(sample::payout(number), None).await.unwrap();
    }
    faults.inject_randomly(
        1,
        FaultRates { unavailable: 3, lose_response: 3, lose_request: 3, ..FaultRates::default() },
    );
    let over = Arc::new(AtomicBool::new(false));
    let reads = Arc::new(AtomicU64::new(0));
    let readers: Vec<_> = (0..READERS)
        .map(|reader| {
            let (payouts, over, reads) = (started.payouts.clone(), Arc::clone(&over), Arc::clone(&reads));
            tokio::spawn(read_on(payouts, reader % PAYOUTS, over, reads))
        })
        .collect();
    let reporters: Vec<_> =
        (0..PAYOUTS).map(|payout| tokio::spawn(report_all(started.payouts.clone(), payout))).collect();
    for reporter in reporters {
        reporter.await.unwrap();
    }
    over.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
    faults.clear();
    for number in 0..PAYOUTS {
        assert_eq!(journal.entries(id(number)).len(), usize::try_from(REPORTS).unwrap());
    }
    journal.assert_consistent();
    assert!(journal.counts().loads > 50, "actors came and went");
    assert!(reads.load(Ordering::Relaxed) > 100, "and were watched");
    started.system.shutdown(Duration::from_secs(10)).await.unwrap();
}
