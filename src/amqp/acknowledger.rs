//! Acknowledges processed deliveries in batches.
//!
//! Each acknowledgement costs the broker work, and a quorum queue logs each one. Deliveries that are processed while
//! one acknowledgement is sent therefore share the next one: it covers every delivery before the first unprocessed one.
//! A processed delivery behind an unprocessed one waits until no further delivery is processed for [`SKIP_AFTER`] and
//! is then acknowledged alone. The prefetch limit bounds that wait: one report that cannot be recorded keeps no other
//! delivery unacknowledged for long.

mod ack_tracker;

use std::time::Duration;

use lapin::Acker;
use lapin::options::BasicAckOptions;
use payoutd_actors::failpoint;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

use self::ack_tracker::{Ack, AckTracker};

/// The longest time to wait for the connection to accept acknowledgements. If the connection breaks at that moment, the
/// client library may never complete the call.
pub(super) const ACK_TIMEOUT: Duration = Duration::from_secs(10);
/// How long no delivery is processed before pending deliveries are acknowledged out of order. Unacknowledged deliveries
/// cost nothing but memory in the broker.
const SKIP_AFTER: Duration = Duration::from_millis(50);
const MAX_BATCH: usize = 5_000;

/// Passes processed deliveries to the acknowledger. A delivery is processed once its outcome is committed or the
/// dead-letter queue has it.
#[derive(Debug, Clone)]
pub(super) struct AckSender(mpsc::UnboundedSender<(u64, Acker)>);

/// The acknowledger of one channel. Dropping it aborts its task.
pub(super) struct Acknowledger {
    /// The acknowledger's only task.
    task: JoinSet<()>,
    finish: oneshot::Sender<()>,
}

/// The acknowledger's task panicked, or ended before it was asked to.
#[derive(Debug, thiserror::Error)]
#[error("the acknowledger ended unexpectedly: {0}")]
pub(super) struct AcknowledgerFailed(String);

impl AckSender {
    pub(super) fn send(&self, tag: u64, acker: Acker) {
        // Fails if the session is over: the broker then redelivers the message.
        let _ = self.0.send((tag, acker));
    }
}

impl Acknowledger {
    pub(super) fn start() -> (AckSender, Self) {
        let (sender, processed) = mpsc::unbounded_channel();
        let (finish, finish_requested) = oneshot::channel();
        let mut task = JoinSet::new();
        task.spawn(acknowledge(processed, finish_requested));
        (AckSender(sender), Self { task, finish })
    }

    /// Waits until the task ends, which is a fault before [`finish`](Self::finish). Cancel-safe.
    pub(super) async fn failed(&mut self) -> AcknowledgerFailed {
        match self.task.join_next().await {
            Some(Err(error)) => AcknowledgerFailed(error.to_string()),
            Some(Ok(())) | None => AcknowledgerFailed("its task returned".to_owned()),
        }
    }

    /// Acknowledges all deliveries that are processed by now, then ends the task, after `limit` at the latest.
    ///
    /// # Errors
    /// Returns `AcknowledgerFailed` if the task panicked.
    pub(super) async fn finish(self, limit: Duration) -> Result<(), AcknowledgerFailed> {
        let Self { mut task, finish } = self;
        // Fails if the task has ended already.
        let _ = finish.send(());
        match timeout(limit, task.join_next()).await {
            Ok(Some(Err(error))) => Err(AcknowledgerFailed(error.to_string())),
            // After the timeout, dropping the set aborts the task.
            Ok(Some(Ok(())) | None) | Err(_) => Ok(()),
        }
    }
}

async fn acknowledge(
    mut processed: mpsc::UnboundedReceiver<(u64, Acker)>,
    finish_requested: oneshot::Receiver<()>,
) {
    let (mut tracker, mut finish_requested) = (AckTracker::default(), Some(finish_requested));
    let mut batch = Vec::new();
    loop {
        let wait = if tracker.has_pending() { SKIP_AFTER } else { Duration::MAX };
        let received = tokio::select! {
            biased;
            received = timeout(wait, processed.recv_many(&mut batch, MAX_BATCH)) => received,
            // What is in the channel already is still received.
            () = requested(&mut finish_requested) => { processed.close(); continue; }
        };
        for (tag, acker) in batch.drain(..) {
            tracker.mark_processed(tag, acker);
        }
        send(match received {
            Ok(0) | Err(_) => tracker.take_all(),
            Ok(_) => tracker.take_contiguous(),
        })
        .await;
        if received == Ok(0) {
            return;
        }
    }
}

/// Returns once, when the finish is requested; after that, never.
async fn requested(finish_requested: &mut Option<oneshot::Receiver<()>>) {
    match finish_requested {
        Some(request) => {
            let _ = request.await;
            *finish_requested = None;
        }
        None => std::future::pending().await,
    }
}

async fn send(acks: Vec<Ack<Acker>>) {
    let deliveries = acks.iter().map(|ack| ack.deliveries).sum();
    let sending = async {
        for Ack { acker, deliveries } in acks {
            if !acker.ack(BasicAckOptions { multiple: deliveries > 1 }).await? {
                return Ok(false);
            }
            failpoint::pass("report-acknowledged");
        }
        lapin::Result::Ok(true)
    };
    send_within_timeout(deliveries, sending).await;
}

/// Completes `sending`, or gives up on it after [`ACK_TIMEOUT`].
async fn send_within_timeout(deliveries: u64, sending: impl Future<Output = lapin::Result<bool>>) {
    match timeout(ACK_TIMEOUT, sending).await {
        Ok(Ok(true)) => metrics::counter!("payoutd_intake_acked_total").increment(deliveries),
        Ok(Ok(false)) => tracing::debug!("the channel is closed; the broker redelivers the messages"),
        Ok(Err(error)) => tracing::debug!(%error, "cannot acknowledge; the broker redelivers the messages"),
        Err(_) => tracing::warn!("an acknowledgement timed out; the broker redelivers the messages"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_acknowledgement_that_never_completes_blocks_the_next_ones_until_its_timeout_only() {
        let sending = tokio::spawn(send_within_timeout(1, std::future::pending()));
        let ended = timeout(ACK_TIMEOUT * 2, sending).await;
        assert!(ended.is_ok(), "the next acknowledgements are sent");
    }

    fn acknowledger(work: impl Future<Output = ()> + Send + 'static) -> Acknowledger {
        let mut task = JoinSet::new();
        task.spawn(work);
        Acknowledger { task, finish: oneshot::channel().0 }
    }

    #[tokio::test]
    async fn a_panic_of_the_acknowledger_is_reported_while_it_runs_and_when_it_finishes() {
        let failed = acknowledger(async { panic!("a bug") }).failed().await;
        assert!(failed.to_string().contains("a bug"), "{failed}");
        let finished = acknowledger(async { panic!("a bug") }).finish(ACK_TIMEOUT).await;
        assert!(finished.unwrap_err().to_string().contains("a bug"));
    }

    #[tokio::test(start_paused = true)]
    async fn an_acknowledger_runs_until_it_is_asked_to_finish() {
        let (sender, mut acknowledger) = Acknowledger::start();
        assert!(timeout(ACK_TIMEOUT, acknowledger.failed()).await.is_err(), "it runs");
        acknowledger.finish(ACK_TIMEOUT).await.unwrap();
        drop(sender);
    }
}
