//! What works by itself: the relay and the sweep for lateness.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use payoutd::outbox::{OutboxMessage, PublishError, Publisher, Relay, RelayConfig};
use payoutd::runtime::shutdown::shutdown_signal;
use payoutd_actors::overdue_sweep::sweep;
use payoutd_domain::{Mode, PayoutId};

use super::cut::everywhere;
use super::house::{House, broadcast};
use super::requests::created;

pub(super) async fn are_cut_off_everywhere(house: &House) {
    of_the_sweep(house).await;
    house.world.assert_whole().await;
    of_the_relay(house).await;
}

async fn of_the_sweep(house: &House) {
    let store = house.store();
    everywhere(
        house,
        "the sweep",
        2,
        async || {
            let late = [created(house, Mode::Live).await, created(house, Mode::Test).await];
            house.payouts.forget_all().await;
            house.clock.advance(Duration::from_secs(3600));
            late
        },
        async |_| sweep(&*store, &house.payouts, 100).await.unwrap(),
        async |late, seen| {
            if let Some(seen) = seen {
                assert_eq!(seen, late.len());
                assert_eq!(sweep(&*store, &house.payouts, 100).await.unwrap(), 0);
            }
            sweep(&*store, &house.payouts, 100).await.unwrap();
            assert_eq!(sweep(&*store, &house.payouts, 100).await.unwrap(), 0, "all of them are late");
            for id in late {
                let shown = house.polled(id).await.json();
                assert_eq!((&shown["late"], &shown["sequence"]), (&true.into(), &2.into()));
                house.assert_goes_on(id).await;
            }
        },
    )
    .await;
}

/// The far end of the relay. It takes its time.
#[derive(Default)]
struct Downstream(Mutex<Vec<(PayoutId, i64)>>);

#[async_trait]
impl Publisher for Downstream {
    async fn publish(&self, messages: &[OutboxMessage]) -> Vec<Result<(), PublishError>> {
        for message in messages {
            tokio::task::yield_now().await;
            self.0.lock().unwrap().push((message.payout_id, message.sequence.0));
        }
        tokio::task::yield_now().await;
        messages.iter().map(|_| Ok(())).collect()
    }
}

impl Downstream {
    /// The order in which a payout's messages first came.
    fn firsts(&self) -> HashMap<PayoutId, Vec<i64>> {
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

async fn relayed(house: &House, downstream: &Arc<Downstream>) {
    let (stopper, stop) = shutdown_signal();
    stopper.request();
    let relay = Relay {
        mode: Mode::Live,
        outbox: house.store() as _,
        publisher: Arc::clone(downstream) as _,
        hint: Arc::default(),
        clock: Arc::new(house.clock.clone()),
        config: RelayConfig { batch: 100, poll: Duration::from_secs(60) },
    };
    relay.run(stop).await;
}

/// Until nothing waits any more, which takes two waves.
async fn of_the_relay(house: &House) {
    let downstream = Arc::default();
    relayed(house, &downstream).await;
    everywhere(
        house,
        "the relay's rounds",
        8,
        async || {
            let payouts = [created(house, Mode::Live).await, created(house, Mode::Live).await];
            for id in payouts {
                house.payouts.report(id, Mode::Live, broadcast(), None).await.unwrap();
            }
            (payouts, Arc::<Downstream>::default())
        },
        async |(_, downstream)| relayed(house, downstream).await,
        async |(payouts, downstream), _| {
            relayed(house, &downstream).await;
            let expected = payouts.map(|id| (id, vec![1, 2]));
            assert_eq!(downstream.firsts(), expected.into(), "everything, in order");
            let left = "SELECT count(*) FROM outbox WHERE mode = 'live'";
            assert_eq!(house.world.number(left).await, 0);
        },
    )
    .await;
}
