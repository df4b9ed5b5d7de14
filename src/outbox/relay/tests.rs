//! The relay with a fake outbox and publisher.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use payoutd_actors::testing::sample;
use payoutd_domain::{ChangeKind, Sequence, Timestamp};

use super::*;
use crate::outbox::{Backlog, PublishError};
use crate::runtime::shutdown::shutdown_signal;

/// An outbox and a publisher in memory: the pending messages, the sent messages in order, and the errors to return.
#[derive(Default)]
struct FakeOutbox {
    pending: Mutex<Vec<OutboxMessage>>,
    sent: Mutex<Vec<(PayoutId, i64)>>,
    errors: Mutex<HashMap<i64, Vec<PublishError>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

#[async_trait]
impl Outbox for FakeOutbox {
    async fn pending(&self, mode: Mode, limit: u32) -> Result<Vec<OutboxMessage>, Unavailable> {
        let pending = lock(&self.pending);
        Ok(pending.iter().filter(|m| m.mode == mode).take(limit as usize).cloned().collect())
    }

    async fn mark_published(&self, ids: &[i64]) -> Result<(), Unavailable> {
        lock(&self.pending).retain(|message| !ids.contains(&message.id));
        Ok(())
    }

    async fn backlog(&self) -> Result<Backlog, Unavailable> {
        Ok(Backlog { pending: lock(&self.pending).len() as u64, oldest: Some(Timestamp::EPOCH) })
    }
}

#[async_trait]
impl Publisher for FakeOutbox {
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

/// Runs a relay until only `left` messages are pending, and returns what was sent.
async fn relayed(fake: &Arc<FakeOutbox>, left: usize) -> Vec<(PayoutId, i64)> {
    let (trigger, shutdown) = shutdown_signal();
    let relay = Relay {
        mode: Mode::Live,
        outbox: Arc::clone(fake) as _,
        publisher: Arc::clone(fake) as _,
        wakeup: Arc::default(),
        config: RelayConfig { batch: 100, poll: Duration::from_millis(5) },
    };
    let running = tokio::spawn(relay.run(shutdown));
    tokio::time::timeout(Duration::from_secs(60), async {
        while lock(&fake.pending).len() > left {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await
    .unwrap();
    trigger.request();
    running.await.unwrap();
    lock(&fake.sent).clone()
}

#[tokio::test(start_paused = true)]
async fn a_change_is_sent_only_after_the_previous_change_of_its_payout_is_confirmed() {
    let fake = Arc::new(FakeOutbox::default());
    *lock(&fake.pending) = vec![message(1, 1, 2), message(2, 1, 3), message(3, 2, 2), message(4, 1, 4)];
    let lost = || PublishError::TimedOut;
    lock(&fake.errors).insert(1, vec![lost(), lost()]);
    let sent = relayed(&fake, 0).await;
    let of_first: Vec<i64> = sent.iter().filter(|(id, _)| *id == sample::id(1)).map(|(_, s)| *s).collect();
    assert_eq!(of_first, [2, 2, 2, 3, 4], "repeated, never reordered");
    assert_eq!(
        sent.iter().filter(|(id, _)| *id == sample::id(2)).count(),
        1,
        "the other payout is not blocked"
    );
}

#[tokio::test(start_paused = true)]
async fn a_message_that_can_never_be_sent_blocks_its_own_payout_only() {
    let fake = Arc::new(FakeOutbox::default());
    *lock(&fake.pending) = vec![message(1, 1, 2), message(2, 1, 3), message(3, 2, 2), message(4, 2, 3)];
    lock(&fake.errors).insert(1, vec![PublishError::Unsendable("too long".into()); 1_000]);
    let sent = relayed(&fake, 2).await;
    assert!(!sent.contains(&(sample::id(1), 3)), "the order of a payout's changes is kept");
    let left: Vec<i64> = lock(&fake.pending).iter().map(|message| message.id).collect();
    assert_eq!(left, [1, 2], "no message is removed");
}
