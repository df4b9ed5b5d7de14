//! payoutd on SQLite in one process: engine, store, relay and report intake of payoutd, connected by an
//! in-memory bus. A separate binary, so that its runtime matches payoutd's.
//!
//! Only this binary links payoutd; the other measures use its public interfaces.

mod bus;

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use mimalloc::MiMalloc;
use payoutd::app::SystemClock;
use payoutd::outbox::{NotifyingJournal, Relay, RelayConfig, Wakeups};
use payoutd::reports::{ReportIntake, ReportIntakeConfig};
use payoutd::runtime::shutdown::shutdown_signal;
use payoutd::store::{self, StoreConfig};
use payoutd::wire::Renderer;
use payoutd_actors::group_commit::GroupCommitConfig;
use payoutd_actors::ports::Journal;
use payoutd_actors::supervisor::SupervisorConfig;
use payoutd_actors::system::{self, ActorSystemConfig};
use payoutd_domain::{Mode, PayoutId};
use tokio::sync::Semaphore;
use uuid::Uuid;

use bus::{InMemoryBus, new_payout};
use payoutd_bench::{Result, check_count, per_second};

/// The allocator of payoutd.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The number of payouts in flight of the HTTP load.
const IN_FLIGHT: usize = 1_000;

#[derive(Debug, Parser)]
struct Arguments {
    /// Path of the database file; it must not exist.
    #[arg(long)]
    file: PathBuf,
    /// Number of lifecycles.
    #[arg(long)]
    lifecycles: usize,
}

/// Runs lifecycles and prints changes per second.
#[tokio::main]
async fn main() -> Result<()> {
    run(Arguments::parse()).await
}

async fn run(arguments: Arguments) -> Result<()> {
    let url = format!("sqlite:{}", arguments.file.display());
    let store =
        store::open(&url, &StoreConfig::default(), Arc::new(Renderer::new("https://payouts.example")))
            .await?;
    store.migrate().await?;
    let hints = Wakeups::default();
    let journal = NotifyingJournal::new(Arc::clone(&store) as Arc<dyn Journal>, hints.clone());
    let running = system::start(Arc::new(journal), Arc::new(SystemClock), ENGINE).await?;
    let payouts = running.payouts().clone();
    let intake = ReportIntake::new(payouts.clone(), Arc::clone(&store) as _, ReportIntakeConfig::default());
    let start_permits = Arc::new(Semaphore::new(IN_FLIGHT));
    let bus = Arc::new(InMemoryBus::new(intake, Arc::clone(&start_permits)));
    let relay = Relay {
        mode: Mode::Live,
        outbox: Arc::clone(&store) as _,
        publisher: Arc::clone(&bus) as _,
        wakeup: hints.live,
        config: RelayConfig { batch: 500, poll: Duration::from_secs(1) },
    };
    let (stopper, stop) = shutdown_signal();
    let relay_task = tokio::spawn(relay.run(stop));

    let started = Instant::now();
    let mut ids = Vec::with_capacity(arguments.lifecycles);
    for _ in 0..arguments.lifecycles {
        start_permits.acquire().await?.forget();
        let id = PayoutId(Uuid::now_v7());
        ids.push(id);
        let (payouts, payout, bus) = (payouts.clone(), new_payout(id)?, Arc::clone(&bus));
        tokio::spawn(async move {
            if payouts.create(payout, None).await.is_err() {
                bus.record_failure();
            }
        });
    }
    // Each delivered payout returns its permit.
    let all_permits = start_permits.acquire_many(u32::try_from(IN_FLIGHT)?);
    drop(tokio::time::timeout(Duration::from_secs(60), all_permits).await??);
    let rate = per_second(arguments.lifecycles * 3, started.elapsed());

    bus.check_totals(arguments.lifecycles)?;
    for ids in ids.chunks(500) {
        let stored = store.load(ids).await?;
        let is_delivered = |stored: &payoutd_actors::ports::Stored| {
            stored.entries.len() == 2
                && stored.replay().is_ok_and(|payout| payout.snapshot().status().as_str() == "delivered")
        };
        let delivered = stored.iter().flatten().filter(|stored| is_delivered(stored)).count();
        check_count("payouts delivered", i64::try_from(delivered)?, ids.len())?;
    }
    stopper.request();
    relay_task.await?;
    check_count("the outbox", i64::try_from(store.backlog().await?.pending)?, 0)?;
    running.shutdown(Duration::from_secs(10)).await?;
    store.close().await;
    Ok(writeln!(std::io::stdout(), "{rate}")?)
}

/// payoutd's defaults, with one commit at a time as on SQLite.
const ENGINE: ActorSystemConfig = ActorSystemConfig {
    supervisor: SupervisorConfig {
        max_live: 25_000,
        idle_after: Duration::from_secs(300),
        ended_after: Duration::from_secs(5),
        passivation_interval: Duration::from_secs(1),
        failure_limit: 3,
        quarantine: Duration::from_secs(60),
    },
    group_commit: GroupCommitConfig { max_in_flight: 1, max_batch: 500 },
};
