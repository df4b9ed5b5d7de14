//! Creates in batches.

use std::sync::Arc;

use sqlx::PgConnection;
use tokio::sync::{Notify, mpsc, oneshot};
use uuid::Uuid;

use super::batching;
use crate::floors::statements;
use crate::template::Sample;
use crate::{Fallible, failure};

type Waiting = (Uuid, oneshot::Sender<()>);

/// The way in.
pub(super) struct CreateBatcher {
    waiting: mpsc::UnboundedSender<Waiting>,
}

impl CreateBatcher {
    pub(super) async fn start(url: &str, sample: &Arc<Sample>, written: &Arc<Notify>) -> Fallible<Self> {
        let connections = batching::connections(url).await?;
        let (sender, waiting) = mpsc::unbounded_channel();
        let (sample, written) = (Arc::clone(sample), Arc::clone(written));
        tokio::spawn(batching::run(connections, waiting, move |connection, batch| {
            commit(connection, Arc::clone(&sample), Arc::clone(&written), batch)
        }));
        Ok(Self { waiting: sender })
    }

    /// Creates a payout, and returns once that is committed. `None` once a commit has failed.
    pub(super) async fn create(&self) -> Option<Uuid> {
        let id = Uuid::now_v7();
        let (committed, answer) = oneshot::channel();
        self.waiting.send((id, committed)).ok()?;
        answer.await.ok()?;
        Some(id)
    }
}

async fn commit(
    mut connection: PgConnection,
    sample: Arc<Sample>,
    written: Arc<Notify>,
    batch: Vec<Waiting>,
) -> Fallible<PgConnection> {
    let ids: Vec<Uuid> = batch.iter().map(|(id, _)| *id).collect();
    if statements::create(&mut connection, &sample, &ids).await? != ids.len() {
        return Err(failure("the bare program did not create what it should"));
    }
    written.notify_one();
    for (_, committed) in batch {
        // Nobody waits where the client hung up.
        let _ = committed.send(());
    }
    Ok(connection)
}
