//! The support code of all integration tests: the real servers, the real program, and its clients.

mod event_stream;
mod http_response;
mod partner;
mod payoutd;
mod postgres;
mod published_event;
mod rabbit;
mod reports;
mod servers;
mod test_app;
mod timeline;
pub(crate) mod tools;
mod watcher;

pub(crate) use event_stream::EventStream;
pub(crate) use http_response::HttpResponse;
pub(crate) use partner::Partner;
pub(crate) use payoutd::{Payoutd, Settings};
pub(crate) use postgres::{
    PrivatePostgres, change_payout_id, database, row_count, terminate_backends, transaction_count,
};
pub(crate) use published_event::PublishedEvent;
pub(crate) use rabbit::{PrivateRabbit, virtual_host};
pub(crate) use reports::{DEAD_LETTER_REASON, Report, parse_time};
pub(crate) use test_app::{LOCAL_WEBHOOKS, TestApp};
pub(crate) use timeline::{timeline_sequences, timeline_statuses};
pub(crate) use watcher::{Message, Watcher, connect_eventually};

use std::time::{Duration, Instant};

/// The time limit of a wait. It is much longer than any wait takes, so a test that reaches it fails.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);

/// Calls `attempt` until it returns a value. Panics with `condition` if this takes longer than `TIMEOUT`.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(
    condition: &str,
    attempt: impl FnMut() -> F,
) -> T {
    within(TIMEOUT, condition, attempt).await
}

/// Calls `attempt` until it returns a value. Panics with `condition` if this takes longer than `timeout`.
pub(crate) async fn within<T, F: Future<Output = Option<T>>>(
    timeout: Duration,
    condition: &str,
    mut attempt: impl FnMut() -> F,
) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = attempt().await {
            return value;
        }
        assert!(started.elapsed() < timeout, "not true within {timeout:?}: {condition}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// Raises the limit of open files of this process, and of the processes that it starts, to the permitted maximum.
pub(crate) fn allow_many_connections() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("the maximum is permitted");
}
