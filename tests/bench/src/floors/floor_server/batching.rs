//! Group commit as payoutd does it: a batch takes what is queued when the last commit returns. A second
//! commit starts beside the first one only with a full batch.

use sqlx::{Connection as _, PgConnection};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

use crate::Result;
use crate::floors::statements::MAX_BATCH;

/// The default of payoutd's `group_commit` settings.
const MAX_CONCURRENT_COMMITS: usize = 2;

/// Opens one connection per concurrent commit.
pub(super) async fn connections(url: &str) -> Result<Vec<PgConnection>> {
    let mut connections = Vec::new();
    for _ in 0..MAX_CONCURRENT_COMMITS {
        connections.push(PgConnection::connect(url).await?);
    }
    Ok(connections)
}

/// Commits queued items in batches until the queue is closed. `commit` returns its connection.
///
/// # Errors
/// Returns the first error of a commit.
pub(super) async fn run<T, Fut>(
    mut idle: Vec<PgConnection>,
    mut queue: UnboundedReceiver<T>,
    commit: impl Fn(PgConnection, Vec<T>) -> Fut,
) -> Result<()>
where
    Fut: Future<Output = Result<PgConnection>> + Send + 'static,
{
    let (mut commits, mut batch) = (JoinSet::new(), Vec::with_capacity(MAX_BATCH));
    loop {
        let free_slots = MAX_BATCH - batch.len();
        tokio::select! {
            biased;
            count = queue.recv_many(&mut batch, free_slots), if free_slots > 0 => if count == 0 { return Ok(()) },
            Some(finished) = commits.join_next() => idle.push(finished??),
        }
        let may_commit = commits.is_empty() || batch.len() == MAX_BATCH;
        if !batch.is_empty()
            && may_commit
            && let Some(connection) = idle.pop()
        {
            commits.spawn(commit(connection, std::mem::take(&mut batch)));
        }
    }
}
