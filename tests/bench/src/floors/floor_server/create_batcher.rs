//! Creates payouts in batches.

use std::sync::Arc;

use sqlx::PgConnection;
use tokio::sync::{Notify, mpsc, oneshot};
use uuid::Uuid;

use super::batching;
use crate::Result;
use crate::floors::statements;
use crate::template::Template;

type PendingCreate = (Uuid, oneshot::Sender<()>);

/// Queues creates for the next batch.
pub(super) struct CreateBatcher {
    queue: mpsc::UnboundedSender<PendingCreate>,
}

impl CreateBatcher {
    pub(super) async fn start(
        url: &str,
        template: &Arc<Template>,
        outbox_written: &Arc<Notify>,
    ) -> Result<Self> {
        let connections = batching::connections(url).await?;
        let (sender, queue) = mpsc::unbounded_channel();
        let (template, outbox_written) = (Arc::clone(template), Arc::clone(outbox_written));
        tokio::spawn(batching::run(connections, queue, move |connection, batch| {
            commit(connection, Arc::clone(&template), Arc::clone(&outbox_written), batch)
        }));
        Ok(Self { queue: sender })
    }

    /// Creates a payout and returns its id after the commit. Returns `None` if a commit failed.
    pub(super) async fn create(&self) -> Option<Uuid> {
        let id = Uuid::now_v7();
        let (committed, receiver) = oneshot::channel();
        self.queue.send((id, committed)).ok()?;
        receiver.await.ok()?;
        Some(id)
    }
}

async fn commit(
    mut connection: PgConnection,
    template: Arc<Template>,
    outbox_written: Arc<Notify>,
    batch: Vec<PendingCreate>,
) -> Result<PgConnection> {
    let ids: Vec<Uuid> = batch.iter().map(|(id, _)| *id).collect();
    if statements::create_payouts(&mut connection, &template, &ids).await? != ids.len() {
        return Err("floor F did not create every payout".into());
    }
    outbox_written.notify_one();
    for (_, committed) in batch {
        // The receiver is gone if the client has disconnected.
        let _ = committed.send(());
    }
    Ok(connection)
}
