//! Queues by key: work on one key runs in the order of arrival, one at a time; different keys run concurrently.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// One queue for each key that has tickets. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct KeyedQueue(Arc<Mutex<Tails>>);

#[derive(Debug, Default)]
struct Tails {
    /// The last ticket of each key: its number, and the receiver that completes when it is dropped.
    last: HashMap<Box<str>, (u64, oneshot::Receiver<()>)>,
    issued: u64,
}

/// A position in the queue of one key. Dropping it starts the next ticket of that key, so a ticket must not be dropped
/// before [`wait`](Self::wait) returns, unless all work on the key stops.
#[derive(Debug)]
pub struct QueueTicket {
    key: Box<str>,
    number: u64,
    previous: Option<oneshot::Receiver<()>>,
    queue: KeyedQueue,
    _done: oneshot::Sender<()>,
}

impl KeyedQueue {
    /// Appends a ticket to the queue of `key`.
    #[must_use]
    pub fn enqueue(&self, key: &str) -> QueueTicket {
        let (done, dropped) = oneshot::channel();
        let mut tails = self.lock();
        tails.issued += 1;
        let number = tails.issued;
        let previous = tails.last.insert(key.into(), (number, dropped)).map(|(_, previous)| previous);
        QueueTicket { key: key.into(), number, previous, queue: self.clone(), _done: done }
    }

    fn lock(&self) -> MutexGuard<'_, Tails> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl QueueTicket {
    /// Waits until every earlier ticket of the key is dropped.
    pub async fn wait(&mut self) {
        if let Some(previous) = &mut self.previous {
            // Nothing is ever sent: dropping the sender completes the receiver.
            let _ = previous.await;
            self.previous = None;
        }
    }
}

impl Drop for QueueTicket {
    fn drop(&mut self) {
        let mut tails = self.queue.lock();
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
    async fn a_ticket_waits_for_the_previous_ticket_of_its_key_only() {
        let queue = KeyedQueue::default();
        let first = queue.enqueue("a");
        let mut second = queue.enqueue("a");
        let mut other = queue.enqueue("b");
        other.wait().await;
        let waits = tokio::time::timeout(std::time::Duration::from_millis(20), second.wait()).await;
        assert!(waits.is_err(), "the first ticket exists");
        drop(first);
        second.wait().await;
        drop((second, other));
        assert!(queue.lock().last.is_empty(), "keys without tickets take no memory");
    }
}
