//! A broker that duplicates, reorders, delays, redelivers, drops its connections and blocks, and the intake before it,
//! which keeps the rule of the real one: nothing is acknowledged before what it did is recorded, parked or dead-lettered.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use payoutd_actors::handle::PayoutsHandle;
use payoutd_actors::reply::ReportError;
use payoutd_actors::testing::Random;

use super::coverage::{
    ACK_LOST, BLOCKED, Coverage, DEAD_LETTERED, DELAYED, DROPPED, DUPLICATED, PARKED, REDELIVERED, REORDERED,
};
use super::witness::{Line, Witness};

/// How long the intake leaves a report alone that could not be recorded.
const PAUSE: Duration = Duration::from_millis(60);

#[derive(Debug, Clone, Copy)]
struct Message {
    /// The report, by the number the witness knows it under.
    report: usize,
    redelivered: bool,
}

/// A delivery: the connection it was made on, and its number there.
#[derive(Debug, Clone, Copy)]
struct Tag {
    connection: u64,
    number: u64,
}

#[derive(Default)]
struct Queue {
    ready: VecDeque<Message>,
    /// Not in the queue yet, for so many turns.
    delayed: Vec<(u64, Message)>,
    unacknowledged: BTreeMap<u64, Message>,
    connection: u64,
    deliveries: u64,
    /// Nothing the consumer writes arrives, acknowledgements included.
    blocked: bool,
    held: Vec<Tag>,
    /// Reports for payouts that are not there yet. In the database, so they survive the process.
    parked: BTreeSet<usize>,
    attended: BTreeSet<usize>,
    dead_letters: BTreeSet<usize>,
    published: BTreeMap<usize, u64>,
    settled: BTreeMap<usize, u64>,
    coverage: Coverage,
}

/// The broker. Survives every crash of a process.
#[derive(Clone)]
pub(crate) struct Broker {
    queue: Arc<Mutex<Queue>>,
    witness: Witness,
}

impl Broker {
    pub(crate) fn new(witness: Witness) -> Self {
        Self { queue: Arc::default(), witness }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A watcher publishes, until it is confirmed: at least once.
    pub(crate) fn publish(&self, report: usize, random: &mut Random) {
        let mut queue = self.queue();
        let copies = if random.chance(12) { 2 } else { 1 };
        queue.coverage.add(DUPLICATED, copies - 1);
        *queue.published.entry(report).or_default() += copies;
        for _ in 0..copies {
            let message = Message { report, redelivered: false };
            let place = random.below(queue.ready.len() as u64 + 1);
            if random.chance(15) {
                queue.coverage.add(DELAYED, 1);
                queue.delayed.push((1 + random.below(30), message));
            } else if random.chance(15) && place < queue.ready.len() as u64 {
                queue.coverage.add(REORDERED, 1);
                queue.ready.insert(usize::try_from(place).unwrap_or(0), message);
            } else {
                queue.ready.push_back(message);
            }
        }
    }

    /// One turn: what was delayed long enough arrives, and what there is room for is delivered, each message to one of
    /// the processes that consume.
    pub(crate) fn turn(&self, consumers: &[PayoutsHandle], prefetch: usize, random: &mut Random) {
        self.queue().age();
        loop {
            let consumer = random.pick(consumers).cloned();
            let (Some(consumer), Some((tag, report))) = (consumer, self.queue().deliver(prefetch)) else {
                break;
            };
            tokio::spawn(self.clone().consume(consumer, tag, report));
        }
        for report in self.claimable() {
            if let Some(consumer) = random.pick(consumers).cloned() {
                tokio::spawn(self.clone().attend(consumer, report));
            }
        }
    }

    async fn consume(self, payouts: PayoutsHandle, tag: Tag, report: usize) {
        match self.witness.report(&payouts, report).await {
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
                tokio::time::sleep(PAUSE).await;
                self.queue().requeue(tag);
            }
        }
    }

    /// Parked reports whose payout is there by now.
    fn claimable(&self) -> Vec<usize> {
        let mut queue = self.queue();
        let there: Vec<_> =
            queue.parked.iter().copied().filter(|report| self.witness.payout_exists(*report)).collect();
        there.into_iter().filter(|report| queue.attended.insert(*report)).collect()
    }

    /// Hands in a parked report. It stays parked until its outcome is recorded.
    async fn attend(self, payouts: PayoutsHandle, report: usize) {
        let answer = self.witness.report(&payouts, report).await;
        let mut queue = self.queue();
        queue.attended.remove(&report);
        match answer {
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
            queue.held.push(tag);
        } else if let Some(message) = queue.reply_to(tag) {
            let elsewhere =
                queue.parked.contains(&message.report) || queue.dead_letters.contains(&message.report);
            drop(queue);
            self.witness.settled(message.report, elsewhere);
        }
    }

    /// The connection is gone: what was not acknowledged is delivered once more.
    pub(crate) fn drop_connection(&self) {
        self.witness.note(Line::Broker("drops the connection"));
        let mut queue = self.queue();
        queue.coverage.add(DROPPED, 1);
        queue.forget_connection();
    }

    /// The process that consumed is no more, and with it all it had in mind.
    pub(crate) fn consumer_died(&self) {
        let mut queue = self.queue();
        queue.forget_connection();
        queue.attended.clear();
    }

    pub(crate) fn block(&self) {
        self.witness.note(Line::Broker("blocks"));
        let mut queue = self.queue();
        queue.coverage.add(BLOCKED, 1);
        queue.blocked = true;
    }

    pub(crate) fn unblock(&self) {
        let held = {
            let mut queue = self.queue();
            queue.blocked = false;
            std::mem::take(&mut queue.held)
        };
        for tag in held {
            self.acknowledge(tag);
        }
    }

    /// Whether everything that was published has come to its end.
    pub(crate) fn is_drained(&self) -> bool {
        let queue = self.queue();
        let at_rest = queue.ready.is_empty() && queue.delayed.is_empty() && queue.unacknowledged.is_empty();
        at_rest && !queue.parked.iter().any(|report| self.witness.payout_exists(*report))
    }

    /// Published = recorded + parked + dead-lettered, with an empty queue.
    pub(crate) fn assert_drained(&self, coverage: &mut Coverage) {
        let queue = self.queue();
        let left = (queue.ready.len(), queue.delayed.len(), queue.unacknowledged.len());
        assert_eq!(left, (0, 0, 0), "I10: the queue drains: ready, delayed, unacknowledged");
        assert_eq!(queue.published, queue.settled, "I6: every copy published is acknowledged once");
        for report in queue.published.keys() {
            let elsewhere = [queue.parked.contains(report), queue.dead_letters.contains(report)];
            self.witness.assert_one_end(*report, elsewhere);
        }
        coverage.merge(&queue.coverage);
    }
}

impl Queue {
    fn age(&mut self) {
        let delayed = std::mem::take(&mut self.delayed);
        for (turns, message) in delayed {
            match turns.checked_sub(1) {
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

    /// The message that this delivery was of, unless its connection is gone.
    fn take(&mut self, tag: Tag) -> Option<Message> {
        if tag.connection != self.connection {
            return None;
        }
        self.unacknowledged.remove(&tag.number)
    }

    fn reply_to(&mut self, tag: Tag) -> Option<Message> {
        let message = self.take(tag);
        match message {
            Some(message) => *self.settled.entry(message.report).or_default() += 1,
            None => self.coverage.add(ACK_LOST, 1),
        }
        message
    }

    fn requeue(&mut self, tag: Tag) {
        if let Some(message) = self.take(tag) {
            self.ready.push_back(Message { redelivered: true, ..message });
        }
    }

    fn forget_connection(&mut self) {
        self.connection += 1;
        self.blocked = false;
        self.held.clear();
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
