//! One session with the broker: connect, declare, consume, until something ends it.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::StreamExt;
use lapin::options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, timeout, timeout_at};

use super::acknowledger::Acknowledger;
use super::connection::{BrokerError, Open, short};
use super::consumer::Intake;
use super::delivery::{self, Hand};
use super::status::ConsumerState;
use super::topology;

/// Why a session ended.
pub(super) enum Ended {
    /// Shutdown was asked for, and what was in hand is done or given back.
    Shutdown,
    /// The store cannot record anything.
    StoreDown,
    /// The broker is gone, or the channel, or the queue.
    Lost(String),
}

pub(super) async fn run(
    intake: &Arc<Intake>,
    mut shutdown: Pin<&mut (impl Future<Output = ()> + Send)>,
) -> Ended {
    let started = tokio::select! {
        () = shutdown.as_mut() => return Ended::Shutdown,
        started = start(intake) => started,
    };
    match started {
        Ok((open, consumer)) => consume(intake, open, consumer, shutdown).await,
        Err(error) => Ended::Lost(error.to_string()),
    }
}

async fn start(intake: &Intake) -> Result<(Open, lapin::Consumer), BrokerError> {
    let settings = &intake.settings;
    let open = Open::new(settings, "payoutd reports").await?;
    intake.status.set(ConsumerState::Connected);
    let prepare = async {
        topology::declare_intake(&open.channel, settings).await?;
        // Services bind to it before the first announcement goes out, so it is there as soon as reports are taken in.
        topology::declare_payouts(&open.channel, &settings.names).await?;
        // The only brake there is: what the library has received it buffers without a limit.
        open.channel.basic_qos(intake.config.prefetch, BasicQosOptions { global: false }).await?;
        let queue = short(&settings.names.chain_events_queue, "the queue's name")?;
        // Without a tag of ours the broker makes one up that is unique.
        let options = BasicConsumeOptions::default();
        Ok(open.channel.basic_consume(queue, "".into(), options, FieldTable::default()).await?)
    };
    match timeout(settings.connect_timeout, prepare).await {
        Ok(Ok(consumer)) => Ok((open, consumer)),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(BrokerError::TimedOut),
    }
}

async fn consume(
    intake: &Arc<Intake>,
    open: Open,
    mut consumer: lapin::Consumer,
    mut shutdown: Pin<&mut (impl Future<Output = ()> + Send)>,
) -> Ended {
    intake.status.set(ConsumerState::Consuming);
    let (ending, seen_ending) = watch::channel(false);
    let (stuck, mut somebody_stuck) = mpsc::channel(1);
    let (settled, acknowledger) = Acknowledger::start();
    let mut hands = JoinSet::new();
    let ended = loop {
        tokio::select! {
            () = shutdown.as_mut() => break Ended::Shutdown,
            Some(()) = somebody_stuck.recv() => break Ended::StoreDown,
            Some(done) = hands.join_next() => reap(done),
            delivery = consumer.next() => match delivery {
                Some(Ok(delivery)) => {
                    metrics::counter!("payoutd_intake_received_total").increment(1);
                    // Queued up here, where deliveries are still in order.
                    let turn = intake.turns.queue_up(delivery.routing_key.as_str());
                    let (ending, stuck, settled) = (seen_ending.clone(), stuck.clone(), settled.clone());
                    let hand = Hand { intake: Arc::clone(intake), ending, stuck, settled };
                    hands.spawn(delivery::deal_with(hand, delivery, turn));
                }
                Some(Err(error)) => break Ended::Lost(error.to_string()),
                None => break Ended::Lost("the broker cancelled the consumer".into()),
            },
        }
    };
    let (state, cancel) = match &ended {
        Ended::Shutdown => (ConsumerState::Stopped, true),
        Ended::StoreDown => (ConsumerState::WaitingForStore, true),
        Ended::Lost(_) => (ConsumerState::Disconnected, false),
    };
    intake.status.set(state);
    if cancel {
        // Nothing more is to come; what has come stays acknowledgeable.
        let cancelled = open.channel.basic_cancel(consumer.tag(), BasicCancelOptions::default());
        let _ = timeout(intake.settings.connect_timeout, cancelled).await;
    }
    let _ = ending.send(true);
    finish(hands, intake, &ended).await;
    match &ended {
        Ended::Shutdown | Ended::StoreDown => acknowledger.finish().await,
        // Ends by itself. What it cannot send any more comes again.
        Ended::Lost(_) => drop(acknowledger),
    }
    open.close().await;
    ended
}

/// Lets what is in hand end. What does not, in time, goes on by itself: its message comes again.
async fn finish(mut hands: JoinSet<()>, intake: &Intake, ended: &Ended) {
    let deadline = match ended {
        Ended::Shutdown | Ended::StoreDown => Instant::now() + intake.config.drain,
        Ended::Lost(_) => Instant::now(),
    };
    while let Ok(Some(done)) = timeout_at(deadline, hands.join_next()).await {
        reap(done);
    }
    let left = hands.len();
    hands.detach_all();
    if left > 0 {
        tracing::info!(left, "reports in hand were given back to the broker before they were done");
    }
}

fn reap(done: Result<(), JoinError>) {
    if let Err(died) = done {
        tracing::error!(%died, "dealing with a report failed; its message comes again");
    }
}
