//! Turns: what was taken in first for a payout is dealt with first, however long that takes, while other payouts
//! go ahead.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// The queues of one intake, one per key that somebody waits for or works on. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct KeyedQueue(Arc<Mutex<Tails>>);

#[derive(Debug, Default)]
struct Tails {
    last: HashMap<Box<str>, (u64, oneshot::Receiver<()>)>,
    taken: u64,
}

/// A place in a queue. The next in the queue has its turn once this is dropped; so only who stops altogether drops it
/// before its own turn has come.
#[derive(Debug)]
pub struct QueueTicket {
    key: Box<str>,
    number: u64,
    before: Option<oneshot::Receiver<()>>,
    turns: KeyedQueue,
    _done: oneshot::Sender<()>,
}

impl KeyedQueue {
    /// Queues up, at once. The order of these calls is the order of the turns.
    #[must_use]
    pub fn queue_up(&self, key: &str) -> QueueTicket {
        let (done, next) = oneshot::channel();
        let mut tails = self.lock();
        tails.taken += 1;
        let number = tails.taken;
        let before = tails.last.insert(key.into(), (number, next)).map(|(_, before)| before);
        QueueTicket { key: key.into(), number, before, turns: self.clone(), _done: done }
    }

    fn lock(&self) -> MutexGuard<'_, Tails> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl QueueTicket {
    /// Waits until everybody before is done.
    pub async fn come(&mut self) {
        if let Some(before) = &mut self.before {
            // Done is when the one before drops its end; nothing is ever sent.
            let _ = before.await;
            self.before = None;
        }
    }
}

impl Drop for QueueTicket {
    fn drop(&mut self) {
        let mut tails = self.turns.lock();
        let is_last = tails.last.get(&self.key).is_some_and(|(number, _)| *number == self.number);
        if is_last {
            tails.last.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_is_first_and_other_keys_do_not_wait() {
        let turns = KeyedQueue::default();
        let first = turns.queue_up("a");
        let mut second = turns.queue_up("a");
        let mut other = turns.queue_up("b");
        other.come().await;
        let waits = tokio::time::timeout(std::time::Duration::from_millis(20), second.come()).await;
        assert!(waits.is_err(), "the first is not done");
        drop(first);
        second.come().await;
        drop((second, other));
        assert!(turns.lock().last.is_empty(), "nothing is remembered of who is done");
    }
}
