//! What the tests stand on: real servers, the real program, and clients of it.

mod answer;
mod events;
mod partner;
mod payoutd;
mod postgres;
mod rabbit;
mod reports;
mod servers;
mod watcher;
mod world;

pub(crate) use answer::Answer;
pub(crate) use events::Events;
pub(crate) use partner::Partner;
pub(crate) use payoutd::{Payoutd, Settings};
pub(crate) use postgres::{PrivatePostgres, count, database, kill_backends, rename_payout, transactions};
pub(crate) use rabbit::{PrivateRabbit, virtual_host};
pub(crate) use reports::{Report, parse_time};
pub(crate) use watcher::{Message, Watcher, connect_eventually};
pub(crate) use world::{Delivery, World};

use std::time::{Duration, Instant};

/// How long anything may take that is waited for. Far more than it takes; a test that waits this long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Asks again and again until there is an answer, and fails with `what` when there is none in time.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, ask: impl FnMut() -> F) -> T {
    within(PATIENCE, what, ask).await
}

/// [`eventually`], for what may take longer.
pub(crate) async fn within<T, F: Future<Output = Option<T>>>(
    patience: Duration,
    what: &str,
    mut ask: impl FnMut() -> F,
) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(started.elapsed() < patience, "did not happen within {patience:?}: {what}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// Lets this process, and what it starts from now on, open as many files as it may be allowed to.
pub(crate) fn allow_many_connections() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("up to the maximum is allowed");
}
