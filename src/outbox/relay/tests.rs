//! The relay over an outbox and a publisher that do as they are told.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use payoutd_actors::testing::{ManualClock, sample};
use payoutd_domain::{ChangeKind, Sequence, Timestamp};

use super::*;
use crate::outbox::{Backlog, PublishError};
use crate::runtime::shutdown::shutdown_signal;

/// Both ends in one: what waits, what was sent in which order, and what is to go wrong.
#[derive(Default)]
struct Ends {
    waiting: Mutex<Vec<OutboxMessage>>,
    sent: Mutex<Vec<(PayoutId, i64)>>,
    errors: Mutex<HashMap<i64, Vec<PublishError>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

#[async_trait]
impl Outbox for Ends {
    async fn waiting(&self, mode: Mode, limit: u32) -> Result<Vec<OutboxMessage>, Unavailable> {
        let waiting = lock(&self.waiting);
        Ok(waiting.iter().filter(|m| m.mode == mode).take(limit as usize).cloned().collect())
    }

    async fn published(&self, ids: &[i64]) -> Result<(), Unavailable> {
        lock(&self.waiting).retain(|message| !ids.contains(&message.id));
        Ok(())
    }

    async fn backlog(&self) -> Result<Backlog, Unavailable> {
        Ok(Backlog { waiting: lock(&self.waiting).len() as u64, oldest: Some(Timestamp::EPOCH) })
    }
}

#[async_trait]
impl Publisher for Ends {
    async fn publish(&self, messages: &[OutboxMessage]) -> Vec<Result<(), PublishError>> {
        let mut results = Vec::new();
        for message in messages {
            lock(&self.sent).push((message.payout_id, message.sequence.0));
            let error = lock(&self.errors).get_mut(&message.id).and_then(Vec::pop);
            results.push(error.map_or(Ok(()), Err));
        }
        results
    }
}

fn message(id: i64, payout: u64, sequence: i64) -> OutboxMessage {
    OutboxMessage {
        id,
        payout_id: sample::id(payout),
        sequence: Sequence(sequence),
        mode: Mode::Live,
        kind: ChangeKind::Updated,
        routing_key: "payout.updated.tron".into(),
        body: "{}".into(),
        traceparent: None,
    }
}

/// Runs a relay until only `left` messages wait, and says what was sent.
async fn relayed(ends: &Arc<Ends>, left: usize) -> Vec<(PayoutId, i64)> {
    let (stopper, stop) = shutdown_signal();
    let relay = Relay {
        mode: Mode::Live,
        outbox: Arc::clone(ends) as _,
        publisher: Arc::clone(ends) as _,
        hint: Arc::default(),
        clock: Arc::new(ManualClock::at(sample::at(0))),
        config: RelayConfig { batch: 100, poll: Duration::from_millis(5) },
    };
    let running = tokio::spawn(relay.run(stop));
    tokio::time::timeout(Duration::from_secs(60), async {
        while lock(&ends.waiting).len() > left {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await
    .unwrap();
    stopper.request();
    running.await.unwrap();
    lock(&ends.sent).clone()
}

#[tokio::test(start_paused = true)]
async fn a_later_change_is_sent_only_once_the_one_before_is_confirmed() {
    let ends = Arc::new(Ends::default());
    *lock(&ends.waiting) = vec![message(1, 1, 2), message(2, 1, 3), message(3, 2, 2), message(4, 1, 4)];
    let lost = || PublishError::TimedOut;
    lock(&ends.errors).insert(1, vec![lost(), lost()]);
    let sent = relayed(&ends, 0).await;
    let of_first: Vec<i64> = sent.iter().filter(|(id, _)| *id == sample::id(1)).map(|(_, s)| *s).collect();
    assert_eq!(of_first, [2, 2, 2, 3, 4], "repeated, never reordered");
    assert_eq!(sent.iter().filter(|(id, _)| *id == sample::id(2)).count(), 1, "not held up by its neighbour");
}

#[tokio::test(start_paused = true)]
async fn what_can_never_be_sent_holds_up_its_own_payout_only() {
    let ends = Arc::new(Ends::default());
    *lock(&ends.waiting) = vec![message(1, 1, 2), message(2, 1, 3), message(3, 2, 2), message(4, 2, 3)];
    lock(&ends.errors).insert(1, vec![PublishError::Unsendable("too long".into()); 1_000]);
    let sent = relayed(&ends, 2).await;
    assert!(!sent.contains(&(sample::id(1), 3)), "a payout's order is never broken");
    let left: Vec<i64> = lock(&ends.waiting).iter().map(|message| message.id).collect();
    assert_eq!(left, [1, 2], "and nothing is thrown away");
}
