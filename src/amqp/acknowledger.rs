//! Acknowledges what is settled, as many at once as there are.
//!
//! A broker works for each acknowledgement, and a quorum queue logs each. So all that was settled while the last one went
//! out is in the next: one for everything up to a message before which everything is settled. What is settled before its
//! turn waits for those ahead of it until nothing more is settled for a moment, and is then acknowledged alone: at the
//! latest once the broker hands out no more, so that one message that cannot be recorded keeps no other with it.

mod ledger;

use std::time::Duration;

use lapin::Acker;
use lapin::options::BasicAckOptions;
use payoutd_actors::failpoint;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use self::ledger::{Acknowledgement, Ledger};

/// How long an acknowledgement may take to be handed to the connection: where that breaks at this very moment the library
/// may never say what became of it.
const ACKNOWLEDGEMENT: Duration = Duration::from_secs(10);
/// How long nothing more is settled before messages no longer wait for those ahead of them. Nothing but the broker's memory
/// waits for acknowledgements.
const OUT_OF_TURN: Duration = Duration::from_millis(50);
/// The most that are looked at together.
const AT_ONCE: usize = 5_000;

/// Says of a delivery that it is settled: what it asked for is committed, or it is put aside.
#[derive(Debug, Clone)]
pub(super) struct Settled(mpsc::UnboundedSender<(u64, Acker)>);

/// A session's acknowledger, at work.
pub(super) struct Acknowledger {
    task: JoinHandle<()>,
    finish: oneshot::Sender<()>,
}

impl Settled {
    /// The delivery of this tag may be acknowledged.
    pub(super) fn note(&self, tag: u64, acker: Acker) {
        // Where the session is over the message comes again, as a repeat.
        let _ = self.0.send((tag, acker));
    }
}

impl Acknowledger {
    /// Starts acknowledging the deliveries of one channel.
    pub(super) fn start() -> (Settled, Self) {
        let (settled, waiting) = mpsc::unbounded_channel();
        let (finish, finished) = oneshot::channel();
        (Settled(settled), Self { task: tokio::spawn(acknowledge(waiting, finished)), finish })
    }

    /// Acknowledges what is settled by now, and ends.
    pub(super) async fn finish(self) {
        let Self { mut task, finish } = self;
        // Fails where it has died: what it left comes again.
        let _ = finish.send(());
        if timeout(ACKNOWLEDGEMENT, &mut task).await.is_err() {
            task.abort();
        }
    }
}

async fn acknowledge(mut waiting: mpsc::UnboundedReceiver<(u64, Acker)>, finished: oneshot::Receiver<()>) {
    let (mut ledger, mut finished) = (Ledger::default(), Some(finished));
    let mut settled = Vec::new();
    loop {
        let patience = if ledger.holds_some() { OUT_OF_TURN } else { Duration::MAX };
        let came = tokio::select! {
            biased;
            came = timeout(patience, waiting.recv_many(&mut settled, AT_ONCE)) => came,
            // Nothing comes any more then, once what is there was taken.
            () = asked(&mut finished) => { waiting.close(); continue; }
        };
        for (tag, acker) in settled.drain(..) {
            ledger.settle(tag, acker);
        }
        send(match came {
            Ok(0) | Err(_) => ledger.all(),
            Ok(_) => ledger.in_turn(),
        })
        .await;
        if came == Ok(0) {
            return;
        }
    }
}

/// Returns once, when the end is asked for.
async fn asked(finished: &mut Option<oneshot::Receiver<()>>) {
    match finished {
        Some(asked) => {
            let _ = asked.await;
            *finished = None;
        }
        None => std::future::pending().await,
    }
}

async fn send(acknowledgements: Vec<Acknowledgement<Acker>>) {
    let count = acknowledgements.iter().map(|each| each.messages).sum();
    let sending = async {
        for Acknowledgement { acker, messages } in acknowledgements {
            if !acker.ack(BasicAckOptions { multiple: messages > 1 }).await? {
                return Ok(false);
            }
            failpoint::pass("report-acknowledged");
        }
        lapin::Result::Ok(true)
    };
    in_time(count, sending).await;
}

/// Waits for acknowledgements to be handed over, but not for ever.
async fn in_time(count: u64, sending: impl Future<Output = lapin::Result<bool>>) {
    match timeout(ACKNOWLEDGEMENT, sending).await {
        Ok(Ok(true)) => metrics::counter!("payoutd_intake_acked_total").increment(count),
        Ok(Ok(false)) => tracing::debug!("the channel is gone; the messages come again, as repeats"),
        Ok(Err(error)) => tracing::debug!(%error, "cannot acknowledge; the messages come again, as repeats"),
        Err(_) => tracing::warn!("an acknowledgement did not end; the messages come again, as repeats"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_acknowledgement_that_never_ends_keeps_the_next_ones_waiting_for_a_while_only() {
        let sending = tokio::spawn(in_time(1, std::future::pending()));
        let ended = timeout(ACKNOWLEDGEMENT * 2, sending).await;
        assert!(ended.is_ok(), "the next ones have their turn");
    }
}
