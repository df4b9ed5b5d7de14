//! Batches, gathered as payoutd gathers them: what waits when the last commit returns goes into the next one, and a second
//! one is begun beside it only for a whole batch.

use sqlx::{Connection as _, PgConnection};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

use crate::Fallible;
use crate::floors::statements::BATCH;

/// As many commits at once as payoutd has by default.
const AT_ONCE: usize = 2;

/// A connection for each commit that may be under way.
pub(super) async fn connections(url: &str) -> Fallible<Vec<PgConnection>> {
    let mut connections = Vec::new();
    for _ in 0..AT_ONCE {
        connections.push(PgConnection::connect(url).await?);
    }
    Ok(connections)
}

/// Commits what comes, until nobody sends any more. Ends at the first error. `commit` gives its connection back.
pub(super) async fn run<T, Fut>(
    mut idle: Vec<PgConnection>,
    mut waiting: UnboundedReceiver<T>,
    commit: impl Fn(PgConnection, Vec<T>) -> Fut,
) -> Fallible<()>
where
    Fut: Future<Output = Fallible<PgConnection>> + Send + 'static,
{
    let (mut under_way, mut batch) = (JoinSet::new(), Vec::with_capacity(BATCH));
    loop {
        let room = BATCH - batch.len();
        tokio::select! {
            biased;
            count = waiting.recv_many(&mut batch, room), if room > 0 => if count == 0 { return Ok(()) },
            Some(ended) = under_way.join_next() => idle.push(ended??),
        }
        let worth_it = under_way.is_empty() || batch.len() == BATCH;
        if !batch.is_empty()
            && worth_it
            && let Some(connection) = idle.pop()
        {
            under_way.spawn(commit(connection, std::mem::take(&mut batch)));
        }
    }
}
