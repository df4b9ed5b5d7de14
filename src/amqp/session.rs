//! One session with the broker: connect, declare the topology, consume until an error or a shutdown.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, timeout, timeout_at};

use super::acknowledger::{ACK_TIMEOUT, Acknowledger, AcknowledgerFailed};
use super::connection::{BrokerError, OpenChannel, short_string};
use super::context::ConsumerContext;
use super::delivery::{self, DeliveryHandler};
use super::status::ConsumerState;
use super::topology;
use crate::runtime::shutdown::Shutdown;

/// Why a session ended.
pub(super) enum SessionEnd {
    /// A shutdown was requested. Received deliveries are finished, or returned to the broker after the drain time.
    Shutdown,
    /// The store records nothing.
    StoreDown,
    /// The connection, the channel or the queue is gone.
    BrokerLost(String),
    /// No delivery can be acknowledged any more.
    AcknowledgerFailed(AcknowledgerFailed),
}

pub(super) async fn run(context: &Arc<ConsumerContext>, shutdown: &mut Shutdown) -> SessionEnd {
    let started = tokio::select! {
        () = shutdown.requested() => return SessionEnd::Shutdown,
        started = start(context) => started,
    };
    match started {
        Ok((open, consumer)) => consume(context, open, consumer, shutdown).await,
        Err(error) => SessionEnd::BrokerLost(error.to_string()),
    }
}

async fn start(context: &ConsumerContext) -> Result<(OpenChannel, lapin::Consumer), BrokerError> {
    let settings = &context.settings;
    let open = OpenChannel::new(settings, "payoutd reports").await?;
    context.status.set(ConsumerState::Connected);
    let prepare = async {
        topology::declare_report_queues(&open.channel, settings).await?;
        // Other services bind their queues to this exchange, so it must exist before the first change is published.
        topology::declare_payouts(&open.channel, &settings.names).await?;
        // Without a prefetch limit, the client library buffers every delivery that the broker sends.
        open.channel.basic_qos(context.config.prefetch, BasicQosOptions { global: false }).await?;
        let queue = short_string(&settings.names.chain_events_queue, "the queue's name")?;
        // With an empty consumer tag, the broker generates a unique one.
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
    context: &Arc<ConsumerContext>,
    open: OpenChannel,
    mut consumer: lapin::Consumer,
    shutdown: &mut Shutdown,
) -> SessionEnd {
    context.status.set(ConsumerState::Consuming);
    let (ending, session_ending) = watch::channel(false);
    let (store_down, mut store_down_reported) = mpsc::channel(1);
    let (acks, mut acknowledger) = Acknowledger::start();
    let mut handlers = JoinSet::new();
    let end = loop {
        tokio::select! {
            () = shutdown.requested() => break SessionEnd::Shutdown,
            Some(()) = store_down_reported.recv() => break SessionEnd::StoreDown,
            error = acknowledger.failed() => break SessionEnd::AcknowledgerFailed(error),
            Some(result) = handlers.join_next() => log_panic(result),
            delivery = consumer.next() => match delivery {
                Some(Ok(delivery)) => {
                    metrics::counter!("payoutd_intake_received_total").increment(1);
                    // The handlers start in any order, so each delivery joins its queue here, in order of arrival.
                    let ticket = context.queue.enqueue(delivery.routing_key.as_str());
                    let handler = DeliveryHandler {
                        context: Arc::clone(context),
                        session_ending: session_ending.clone(),
                        store_down: store_down.clone(),
                        acks: acks.clone(),
                    };
                    handlers.spawn(delivery::handle_delivery(handler, delivery, ticket));
                }
                Some(Err(error)) => break SessionEnd::BrokerLost(error.to_string()),
                None => break SessionEnd::BrokerLost("the broker cancelled the consumer".into()),
            },
        }
    };
    let (state, is_usable) = match &end {
        SessionEnd::Shutdown => (ConsumerState::Stopped, true),
        SessionEnd::StoreDown => (ConsumerState::WaitingForStore, true),
        SessionEnd::BrokerLost(_) | SessionEnd::AcknowledgerFailed(_) => (ConsumerState::Disconnected, false),
    };
    context.status.set(state);
    if is_usable {
        // The broker sends no more deliveries. Those already received can still be acknowledged.
        let cancel = open.channel.basic_cancel(consumer.tag(), BasicCancelOptions::default());
        let _ = timeout(context.settings.connect_timeout, cancel).await;
    }
    let _ = ending.send(true);
    let drain_until = Instant::now() + if is_usable { context.config.drain } else { Duration::ZERO };
    finish_handlers(handlers, drain_until).await;
    if is_usable && let Err(error) = acknowledger.finish(ACK_TIMEOUT).await {
        tracing::error!(%error, "the broker redelivers the reports that are not acknowledged");
    }
    open.close().await;
    end
}

/// Waits for the handlers until `deadline`. The rest continue in the background; the broker redelivers their
/// messages.
async fn finish_handlers(mut handlers: JoinSet<()>, deadline: Instant) {
    while let Ok(Some(result)) = timeout_at(deadline, handlers.join_next()).await {
        log_panic(result);
    }
    let unfinished = handlers.len();
    handlers.detach_all();
    if unfinished > 0 {
        tracing::info!(unfinished, "the broker redelivers reports that were not finished in time");
    }
}

fn log_panic(result: Result<(), JoinError>) {
    if let Err(error) = result {
        tracing::error!(%error, "a delivery handler panicked; the broker redelivers the message");
    }
}
