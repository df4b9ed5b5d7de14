//! Background services: the overdue sweep and the outbox relay.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use payoutd::outbox::{OutboxMessage, PublishError, Publisher, Relay, RelayConfig};
use payoutd::runtime::shutdown::shutdown_signal;
use payoutd_actors::overdue_sweep::sweep;
use payoutd_domain::{Mode, PayoutId};

use super::await_points::cancel_everywhere;
use super::in_process_app::{InProcessApp, broadcast};
use super::requests::create_payout;

pub(super) async fn are_cancellable(app: &InProcessApp) {
    overdue_sweep(app).await;
    app.database.assert_consistent().await;
    relay_rounds(app).await;
}

async fn overdue_sweep(app: &InProcessApp) {
    let store = app.store();
    cancel_everywhere(
        app,
        "the sweep",
        2,
        async || {
            let late = [create_payout(app, Mode::Live).await, create_payout(app, Mode::Test).await];
            app.payouts.evict_all().await;
            app.clock.advance(Duration::from_secs(3600));
            late
        },
        async |_| sweep(&*store, &app.payouts, 100).await.unwrap(),
        async |late, output| {
            if let Some(output) = output {
                assert_eq!(output, late.len());
                assert_eq!(sweep(&*store, &app.payouts, 100).await.unwrap(), 0);
            }
            sweep(&*store, &app.payouts, 100).await.unwrap();
            assert_eq!(sweep(&*store, &app.payouts, 100).await.unwrap(), 0, "all overdue payouts are late");
            for id in late {
                let shown = app.poll(id).await.json();
                assert_eq!((&shown["late"], &shown["sequence"]), (&true.into(), &2.into()));
                app.assert_can_complete(id).await;
            }
        },
    )
    .await;
}

/// A publisher that yields often and records the messages.
#[derive(Default)]
struct RecordingPublisher(Mutex<Vec<(PayoutId, i64)>>);

#[async_trait]
impl Publisher for RecordingPublisher {
    async fn publish(&self, messages: &[OutboxMessage]) -> Vec<Result<(), PublishError>> {
        for message in messages {
            tokio::task::yield_now().await;
            self.0.lock().unwrap().push((message.payout_id, message.sequence.0));
        }
        tokio::task::yield_now().await;
        messages.iter().map(|_| Ok(())).collect()
    }
}

impl RecordingPublisher {
    /// The sequences of each payout, in the order of their first messages.
    fn first_messages(&self) -> HashMap<PayoutId, Vec<i64>> {
        let mut firsts: HashMap<PayoutId, Vec<i64>> = HashMap::new();
        for (id, sequence) in &*self.0.lock().unwrap() {
            let firsts = firsts.entry(*id).or_default();
            if !firsts.contains(sequence) {
                firsts.push(*sequence);
            }
        }
        firsts
    }
}

async fn run_relay(app: &InProcessApp, publisher: &Arc<RecordingPublisher>) {
    // The relay publishes all waiting messages before it stops.
    let (trigger, shutdown) = shutdown_signal();
    trigger.request();
    let relay = Relay {
        mode: Mode::Live,
        outbox: app.store() as _,
        publisher: Arc::clone(publisher) as _,
        wakeup: Arc::default(),
        config: RelayConfig { batch: 100, poll: Duration::from_secs(60) },
    };
    relay.run(shutdown).await;
}

async fn relay_rounds(app: &InProcessApp) {
    let publisher = Arc::default();
    run_relay(app, &publisher).await;
    cancel_everywhere(
        app,
        "the rounds of the relay",
        8,
        async || {
            let payouts = [create_payout(app, Mode::Live).await, create_payout(app, Mode::Live).await];
            for id in payouts {
                app.payouts.report(id, Mode::Live, broadcast(), None).await.unwrap();
            }
            (payouts, Arc::<RecordingPublisher>::default())
        },
        async |(_, publisher)| run_relay(app, publisher).await,
        async |(payouts, publisher), _| {
            run_relay(app, &publisher).await;
            let expected = payouts.map(|id| (id, vec![1, 2]));
            assert_eq!(publisher.first_messages(), expected.into(), "every message is published, in order");
            let waiting = "SELECT count(*) FROM outbox WHERE mode = 'live'";
            assert_eq!(app.database.query_number(waiting).await, 0);
        },
    )
    .await;
}
