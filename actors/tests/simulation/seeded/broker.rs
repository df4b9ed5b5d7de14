//! A broker that duplicates, reorders, delays and redelivers messages, drops its connections and blocks; and a model of
//! the report intake, which acknowledges a message only after its report is recorded, parked or dead-lettered.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use payoutd_actors::handle::PayoutsHandle;
use payoutd_actors::reply::ReportError;
use payoutd_actors::testing::Random;

use super::checker::{Checker, TraceEvent};
use super::coverage::{
    ACK_LOST, BLOCKED, Coverage, DEAD_LETTERED, DELAYED, DROPPED, DUPLICATED, PARKED, REDELIVERED, REORDERED,
};

/// The delay before the intake retries a report that could not be recorded.
const RETRY_DELAY: Duration = Duration::from_millis(60);

#[derive(Debug, Clone, Copy)]
struct Message {
    /// The number of the report in the checker.
    report: usize,
    redelivered: bool,
}

/// Identifies a delivery by its connection and its number on that connection.
#[derive(Debug, Clone, Copy)]
struct Tag {
    connection: u64,
    number: u64,
}

#[derive(Default)]
struct Queue {
    ready: VecDeque<Message>,
    /// Messages that enter the queue after this number of rounds.
    delayed: Vec<(u64, Message)>,
    unacknowledged: BTreeMap<u64, Message>,
    connection: u64,
    deliveries: u64,
    /// Whether the broker receives nothing from the consumer, including acknowledgements.
    blocked: bool,
    /// Acknowledgements that wait until the broker is unblocked.
    pending_acks: Vec<Tag>,
    /// Reports on payouts that did not exist. They are in the database, so they outlive the process.
    parked: BTreeSet<usize>,
    /// Parked reports that are being retried.
    retrying: BTreeSet<usize>,
    dead_letters: BTreeSet<usize>,
    published: BTreeMap<usize, u64>,
    acknowledged: BTreeMap<usize, u64>,
    coverage: Coverage,
}

/// The broker. It outlives the processes.
#[derive(Clone)]
pub(crate) struct Broker {
    queue: Arc<Mutex<Queue>>,
    checker: Checker,
}

impl Broker {
    pub(crate) fn new(checker: Checker) -> Self {
        Self { queue: Arc::default(), checker }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes a report at least once, like a watcher that publishes until it gets a confirmation.
    pub(crate) fn publish(&self, report: usize, random: &mut Random) {
        let mut queue = self.queue();
        let copies = if random.chance(12) { 2 } else { 1 };
        queue.coverage.add(DUPLICATED, copies - 1);
        *queue.published.entry(report).or_default() += copies;
        for _ in 0..copies {
            let message = Message { report, redelivered: false };
            let position = random.below(queue.ready.len() as u64 + 1);
            if random.chance(15) {
                queue.coverage.add(DELAYED, 1);
                queue.delayed.push((1 + random.below(30), message));
            } else if random.chance(15) && position < queue.ready.len() as u64 {
                queue.coverage.add(REORDERED, 1);
                queue.ready.insert(usize::try_from(position).unwrap_or(0), message);
            } else {
                queue.ready.push_back(message);
            }
        }
    }

    /// Runs one round: enqueues messages whose delay is over, and delivers messages up to the prefetch, each to a
    /// random consumer.
    pub(crate) fn deliver_messages(&self, consumers: &[PayoutsHandle], prefetch: usize, random: &mut Random) {
        self.queue().enqueue_delayed();
        loop {
            let consumer = random.pick(consumers).cloned();
            let (Some(consumer), Some((tag, report))) = (consumer, self.queue().deliver(prefetch)) else {
                break;
            };
            tokio::spawn(self.clone().consume(consumer, tag, report));
        }
        for report in self.parked_to_retry() {
            if let Some(consumer) = random.pick(consumers).cloned() {
                tokio::spawn(self.clone().retry_parked(consumer, report));
            }
        }
    }

    async fn consume(self, payouts: PayoutsHandle, tag: Tag, report: usize) {
        match self.checker.report(&payouts, report).await {
            Some(Ok(_)) => self.acknowledge(tag),
            Some(Err(ReportError::NotFound)) => {
                self.queue().park(report);
                self.acknowledge(tag);
            }
            Some(Err(ReportError::WrongMode(_))) => {
                self.queue().dead_letter(report);
                self.acknowledge(tag);
            }
            Some(Err(ReportError::Quarantined | ReportError::Unavailable(_))) | None => {
                tokio::time::sleep(RETRY_DELAY).await;
                self.queue().requeue(tag);
            }
        }
    }

    /// Takes the parked reports whose payout exists now.
    fn parked_to_retry(&self) -> Vec<usize> {
        let mut queue = self.queue();
        let due: Vec<_> =
            queue.parked.iter().copied().filter(|report| self.checker.payout_exists(*report)).collect();
        due.into_iter().filter(|report| queue.retrying.insert(*report)).collect()
    }

    /// Retries a parked report. It stays parked until its outcome is recorded.
    async fn retry_parked(self, payouts: PayoutsHandle, report: usize) {
        let result = self.checker.report(&payouts, report).await;
        let mut queue = self.queue();
        queue.retrying.remove(&report);
        match result {
            Some(Ok(_)) => drop(queue.parked.remove(&report)),
            Some(Err(ReportError::WrongMode(_))) => {
                queue.dead_letter(report);
                queue.parked.remove(&report);
            }
            Some(Err(ReportError::NotFound | ReportError::Quarantined | ReportError::Unavailable(_)))
            | None => {}
        }
    }

    fn acknowledge(&self, tag: Tag) {
        let mut queue = self.queue();
        if queue.blocked {
            queue.pending_acks.push(tag);
        } else if let Some(message) = queue.acknowledge(tag) {
            let is_stored =
                queue.parked.contains(&message.report) || queue.dead_letters.contains(&message.report);
            drop(queue);
            self.checker.acknowledged_to_broker(message.report, is_stored);
        }
    }

    /// Closes the connection. Messages that were not acknowledged are redelivered.
    pub(crate) fn drop_connection(&self) {
        self.checker.note(TraceEvent::Broker("drops the connection"));
        let mut queue = self.queue();
        queue.coverage.add(DROPPED, 1);
        queue.close_connection();
    }

    /// Closes the connection of a killed process and drops its retries.
    pub(crate) fn consumer_killed(&self) {
        let mut queue = self.queue();
        queue.close_connection();
        queue.retrying.clear();
    }

    pub(crate) fn block(&self) {
        self.checker.note(TraceEvent::Broker("blocks"));
        let mut queue = self.queue();
        queue.coverage.add(BLOCKED, 1);
        queue.blocked = true;
    }

    pub(crate) fn unblock(&self) {
        let pending_acks = {
            let mut queue = self.queue();
            queue.blocked = false;
            std::mem::take(&mut queue.pending_acks)
        };
        for tag in pending_acks {
            self.acknowledge(tag);
        }
    }

    /// Whether every published report has a final outcome.
    pub(crate) fn is_drained(&self) -> bool {
        let queue = self.queue();
        let is_empty = queue.ready.is_empty() && queue.delayed.is_empty() && queue.unacknowledged.is_empty();
        is_empty && !queue.parked.iter().any(|report| self.checker.payout_exists(*report))
    }

    /// Checks that the queue is empty and published = recorded + parked + dead-lettered.
    pub(crate) fn assert_drained(&self, coverage: &mut Coverage) {
        let queue = self.queue();
        let left = (queue.ready.len(), queue.delayed.len(), queue.unacknowledged.len());
        assert_eq!(left, (0, 0, 0), "I10: the queue drains: ready, delayed, unacknowledged");
        assert_eq!(queue.published, queue.acknowledged, "I6: every published copy is acknowledged once");
        for report in queue.published.keys() {
            let is_stored = [queue.parked.contains(report), queue.dead_letters.contains(report)];
            self.checker.assert_one_outcome(*report, is_stored);
        }
        coverage.merge(&queue.coverage);
    }
}

impl Queue {
    fn enqueue_delayed(&mut self) {
        let delayed = std::mem::take(&mut self.delayed);
        for (rounds, message) in delayed {
            match rounds.checked_sub(1) {
                None | Some(0) => self.ready.push_back(message),
                Some(left) => self.delayed.push((left, message)),
            }
        }
    }

    fn deliver(&mut self, prefetch: usize) -> Option<(Tag, usize)> {
        if self.unacknowledged.len() >= prefetch {
            return None;
        }
        let message = self.ready.pop_front()?;
        self.coverage.add(REDELIVERED, u64::from(message.redelivered));
        self.deliveries += 1;
        self.unacknowledged.insert(self.deliveries, message);
        Some((Tag { connection: self.connection, number: self.deliveries }, message.report))
    }

    /// Removes and returns the message of a delivery, unless its connection was closed.
    fn take_unacknowledged(&mut self, tag: Tag) -> Option<Message> {
        if tag.connection != self.connection {
            return None;
        }
        self.unacknowledged.remove(&tag.number)
    }

    fn acknowledge(&mut self, tag: Tag) -> Option<Message> {
        let message = self.take_unacknowledged(tag);
        match message {
            Some(message) => *self.acknowledged.entry(message.report).or_default() += 1,
            None => self.coverage.add(ACK_LOST, 1),
        }
        message
    }

    fn requeue(&mut self, tag: Tag) {
        if let Some(message) = self.take_unacknowledged(tag) {
            self.ready.push_back(Message { redelivered: true, ..message });
        }
    }

    fn close_connection(&mut self) {
        self.connection += 1;
        self.blocked = false;
        self.pending_acks.clear();
        for message in std::mem::take(&mut self.unacknowledged).into_values().rev() {
            self.ready.push_front(Message { redelivered: true, ..message });
        }
    }

    fn park(&mut self, report: usize) {
        self.coverage.add(PARKED, 1);
        self.parked.insert(report);
    }

    fn dead_letter(&mut self, report: usize) {
        self.coverage.add(DEAD_LETTERED, 1);
        self.dead_letters.insert(report);
    }
}
