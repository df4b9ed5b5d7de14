//! Creates in batches: whatever waits when the last commit returns goes into the next one.

use std::sync::Arc;

use sqlx::{Connection, PgConnection};
use tokio::sync::{Notify, mpsc, oneshot};
use uuid::Uuid;

use crate::Fallible;
use crate::floors::writes::{self, BATCH};
use crate::sample::Sample;

/// As many commits at once as payoutd has by default.
pub(super) const LANES: usize = 2;

type Waiting = (Uuid, oneshot::Sender<()>);

/// The way in.
pub(super) struct Creates {
    lanes: Vec<mpsc::UnboundedSender<Waiting>>,
}

impl Creates {
    pub(super) async fn start(url: &str, sample: &Arc<Sample>, written: &Arc<Notify>) -> Fallible<Self> {
        let mut lanes = Vec::new();
        for _ in 0..LANES {
            let connection = PgConnection::connect(url).await?;
            let (lane, waiting) = mpsc::unbounded_channel();
            tokio::spawn(commit(connection, Arc::clone(sample), Arc::clone(written), waiting));
            lanes.push(lane);
        }
        Ok(Self { lanes })
    }

    /// Creates a payout, and returns once that is committed.
    pub(super) async fn create(&self) -> Option<Uuid> {
        let id = Uuid::now_v7();
        let (committed, answer) = oneshot::channel();
        self.lanes.get(lane(id))?.send((id, committed)).ok()?;
        answer.await.ok()?;
        Some(id)
    }
}

/// The lane of a payout: by its random bits.
pub(super) fn lane(id: Uuid) -> usize {
    usize::from(id.as_bytes()[15]) % LANES
}

/// Ends at the first error, and with it every answer.
async fn commit(
    mut connection: PgConnection,
    sample: Arc<Sample>,
    written: Arc<Notify>,
    mut waiting: mpsc::UnboundedReceiver<Waiting>,
) {
    let mut batch = Vec::with_capacity(BATCH);
    while waiting.recv_many(&mut batch, BATCH).await > 0 {
        let ids: Vec<Uuid> = batch.iter().map(|(id, _)| *id).collect();
        match writes::create(&mut connection, &sample, &ids).await {
            Ok(count) if count == ids.len() => written.notify_one(),
            Ok(_) | Err(_) => return,
        }
        for (_, committed) in batch.drain(..) {
            // Nobody waits where the client hung up.
            let _ = committed.send(());
        }
    }
}
