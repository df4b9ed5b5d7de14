//! The interface for callers: create a payout, report on it, read it, subscribe to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ractor::ActorRef;
use tokio::sync::oneshot;

use crate::actor::PayoutMessage;
use crate::group_commit::{CommitError, GroupCommit};
use crate::pending_creations::{CreationGuard, PendingCreations};
use crate::ports::{Clock, Create, Created, IdempotencyRecord, Stored, Unavailable};
use crate::read::snapshots::SnapshotCache;
use crate::read::subscriptions::Subscription;
use crate::reply::{CreateError, Receipt, ReportError};
use crate::supervisor::{CreationId, SupervisorMessage};
use payoutd_domain::{
    Account, Change, IllegalEvent, Mode, NewPayout, Payout, PayoutId, Report, Sequence, Snapshot, Timestamp,
};

/// How many times a message is sent if the actor stops before it replies.
const SEND_ATTEMPTS: u32 = 8;
/// The delay between two of these attempts.
const SEND_RETRY_DELAY: Duration = Duration::from_millis(20);
/// How many times a creation is committed if the outcome of the commit is unknown.
const CREATION_ATTEMPTS: u32 = 3;

/// The result of a successful creation.
enum Creation {
    /// This commit inserted the row.
    Inserted,
    /// The row was found after a commit with an unknown outcome. It may be older and may have changed since: equal
    /// sandbox quotes produce equal payouts.
    AlreadyStored,
}

/// A handle to all payouts. Cheap to clone.
///
/// A caller may drop the future of any call. A write that was submitted is still committed by the group commit tasks,
/// and a message that was sent is still processed by its actor.
#[derive(Clone)]
pub struct PayoutsHandle {
    supervisor: ActorRef<SupervisorMessage>,
    commits: GroupCommit,
    snapshots: Arc<SnapshotCache>,
    clock: Arc<dyn Clock>,
    pending_creations: Arc<PendingCreations>,
    next_creation: Arc<AtomicU64>,
}

impl PayoutsHandle {
    /// Returns a handle to the payouts of `supervisor`.
    #[must_use]
    pub fn new(
        supervisor: ActorRef<SupervisorMessage>,
        commits: GroupCommit,
        snapshots: Arc<SnapshotCache>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            supervisor,
            commits,
            snapshots,
            clock,
            pending_creations: Arc::default(),
            next_creation: Arc::default(),
        }
    }

    /// The current time of the clock that timestamps payouts.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Begins the creation of a payout. The guard has the creation time. The creation is pending until the guard is
    /// dropped, so hold it until [`create_with_record`](Self::create_with_record) returns, in a task that is not
    /// cancelled.
    #[must_use]
    pub fn begin_creation(&self, account: Account) -> CreationGuard {
        self.pending_creations.begin(account, self.clock.now())
    }

    /// The creation watermark: every payout of this account created at or before it is already committed.
    /// Not before the current time. Waits for pending creations.
    pub async fn creation_watermark(&self, account: Account) -> Timestamp {
        self.pending_creations.creation_watermark(account, self.clock.now()).await
    }

    /// Creates a payout, consumes its quote, and spawns the payout's actor.
    ///
    /// # Errors
    /// Returns `QuoteUsed` if the quote already has a payout, and `Unavailable` if the journal returns no result.
    pub async fn create(
        &self,
        payout: NewPayout,
        traceparent: Option<Arc<str>>,
    ) -> Result<Arc<Snapshot>, CreateError> {
        self.create_with_record(payout, None, traceparent).await
    }

    /// Like [`create`](Self::create), and stores `record` in the same commit.
    ///
    /// # Errors
    /// Returns `QuoteUsed` if the quote already has a payout, and `Unavailable` if the journal returns no result.
    pub async fn create_with_record(
        &self,
        payout: NewPayout,
        record: Option<Arc<IdempotencyRecord>>,
        traceparent: Option<Arc<str>>,
    ) -> Result<Arc<Snapshot>, CreateError> {
        let created = Arc::new(payout);
        let payout = Payout::new(Arc::clone(&created));
        let change = Change::creation(Arc::clone(&created));
        let snapshot = Arc::clone(&change.snapshot);
        let creation = CreationId(self.next_creation.fetch_add(1, Ordering::Relaxed));
        let announced = AnnouncedCreation::new(&self.supervisor, created.id, creation);
        match self.commit_creation(Create { payout: created, change, record, traceparent }).await? {
            Creation::Inserted => announced.committed(payout),
            Creation::AlreadyStored => drop(announced),
        }
        Ok(snapshot)
    }

    /// Commits a creation. If the outcome of a commit is unknown, commits again: a quote can be used only once, so the
    /// row found then belongs either to this creation or to the one that used the quote.
    async fn commit_creation(&self, write: Create) -> Result<Creation, CreateError> {
        let mut unknown = None;
        for _ in 0..CREATION_ATTEMPTS {
            match self.commits.create(write.clone()).await {
                Ok(Created::Inserted) => return Ok(Creation::Inserted),
                Ok(Created::QuoteUsed(id)) if unknown.is_some() && id == write.payout.id => {
                    let is_same = self.is_stored(&write.payout).await?;
                    return is_same.then_some(Creation::AlreadyStored).ok_or(CreateError::QuoteUsed(id));
                }
                Ok(Created::QuoteUsed(id)) => return Err(CreateError::QuoteUsed(id)),
                Err(CommitError::Unknown(why)) => unknown = Some(why),
                Err(CommitError::Unavailable(why) | CommitError::Rejected(why)) => {
                    return Err(Unavailable(why).into());
                }
            }
        }
        Err(Unavailable(unknown.unwrap_or_default()).into())
    }

    /// Whether the row with this id was inserted by this creation, or by one with equal data.
    async fn is_stored(&self, created: &NewPayout) -> Result<bool, Unavailable> {
        let stored = self.commits.load(created.id).await?;
        Ok(stored.is_some_and(|stored| {
            stored.created.tracking_token == created.tracking_token
                && stored.created.created_at == created.created_at
        }))
    }

    /// Sends a report to the payout's actor and waits until its outcome is recorded. `mode` is the mode of the report's
    /// source.
    ///
    /// # Errors
    /// Returns a [`ReportError`] if the report has no recorded outcome.
    pub async fn report(
        &self,
        id: PayoutId,
        mode: Mode,
        report: Report,
        traceparent: Option<Arc<str>>,
    ) -> Result<Receipt, ReportError> {
        let report = Arc::new(report);
        self.send_until_replied(id, |reply| PayoutMessage::Report {
            mode,
            report: Arc::clone(&report),
            traceparent: traceparent.clone(),
            reply,
        })
        .await?
    }

    /// Asks the payout's actor to record lateness if the estimated delivery time has passed.
    ///
    /// # Errors
    /// Returns a [`ReportError`] if the payout does not exist or lateness cannot be recorded.
    pub async fn due_passed(&self, id: PayoutId) -> Result<(), ReportError> {
        self.send_until_replied(id, |reply| PayoutMessage::DuePassed { reply }).await?
    }

    /// The payout as of its newest commit; `None` if it does not exist. Runs no query while the payout's actor is live.
    ///
    /// # Errors
    /// Returns `Unavailable` if the journal cannot be read.
    pub async fn read(&self, id: PayoutId) -> Result<Option<Arc<Snapshot>>, Unavailable> {
        match self.snapshots.get(id) {
            Some(cached) => Ok(Some(self.record_lateness(cached).await)),
            None => match self.commits.load(id).await? {
                Some(stored) => self.current_snapshot(&stored).await.map(Some),
                None => Ok(None),
            },
        }
    }

    /// The newer of a loaded payout and its cached snapshot. No reader gets an older snapshot afterwards.
    ///
    /// # Errors
    /// Returns `Unavailable` if the payout's journal is damaged.
    pub async fn current_snapshot(&self, stored: &Stored) -> Result<Arc<Snapshot>, Unavailable> {
        let payout = stored.replay().map_err(|damage| damaged(stored, damage))?;
        // An actor that started after the load may not have loaded the commit that this read saw.
        Ok(self.record_lateness(self.snapshots.newest(Arc::new(payout.snapshot()))).await)
    }

    /// If the payout is late and not marked so, commits that before it is returned, like any other change.
    async fn record_lateness(&self, mut snapshot: Arc<Snapshot>) -> Arc<Snapshot> {
        let id = snapshot.payout.id;
        if snapshot.state.due().is_some_and(|due| due.passed(self.clock.now()))
            && self.due_passed(id).await.is_ok()
            && let Some(newer) = self.snapshots.get(id)
        {
            snapshot = newer;
        }
        snapshot
    }

    /// Every change of a payout after `after` from its journal, oldest first; `None` if the payout does not exist. The
    /// creation is the first change.
    ///
    /// # Errors
    /// Returns `Unavailable` if the journal cannot be read or is damaged.
    pub async fn history(&self, id: PayoutId, after: Sequence) -> Result<Option<Vec<Change>>, Unavailable> {
        let Some(stored) = self.commits.load(id).await? else { return Ok(None) };
        let changes = stored.changes().map_err(|damage| damaged(&stored, damage))?;
        let mut history = vec![Change::creation(stored.created)];
        history.extend(changes);
        history.retain(|change| change.sequence() > after);
        Ok(Some(history))
    }

    /// Subscribes to the changes of a payout. [`read`](Self::read) it afterwards, so that no change in between is
    /// missed.
    #[must_use]
    pub fn subscribe(&self, id: PayoutId) -> Subscription {
        self.snapshots.subscriptions().subscribe(id)
    }

    /// Serves no snapshot from memory until [`evict_all`](Self::evict_all): another process may be writing to the
    /// database.
    pub fn disable_memory_reads(&self) {
        self.snapshots.disable();
    }

    /// Evicts every payout from memory, because another process may have written. The next message to a payout or read
    /// of it starts from its row.
    pub async fn evict_all(&self) {
        let (reply, evicted) = oneshot::channel();
        if self.supervisor.cast(SupervisorMessage::EvictAll(reply)).is_ok() {
            // No reply means that the supervisor has stopped, which ends the process.
            let _ = evicted.await;
        }
    }

    /// Sends a message until an actor replies. An actor that fails drops the messages in its mailbox. Sending a message
    /// again is safe, because the journal shows whether it was processed.
    async fn send_until_replied<T>(
        &self,
        id: PayoutId,
        message: impl Fn(oneshot::Sender<T>) -> PayoutMessage,
    ) -> Result<T, Unavailable> {
        for _ in 0..SEND_ATTEMPTS {
            let (sender, reply) = oneshot::channel();
            if self.supervisor.cast(SupervisorMessage::Route { id, message: message(sender) }).is_err() {
                return Err(Unavailable("the supervisor has stopped".into()));
            }
            if let Ok(reply) = reply.await {
                return Ok(reply);
            }
            tokio::time::sleep(SEND_RETRY_DELAY).await;
        }
        Err(Unavailable("the payout's actor did not reply".into()))
    }
}

fn damaged(stored: &Stored, damage: IllegalEvent) -> Unavailable {
    Unavailable(format!("{}: {damage}", stored.created.id))
}

/// A creation that the supervisor was told about. Dropping this without [`committed`](Self::committed) withdraws it:
/// the creation failed, or its caller stopped waiting. If the payout is committed nevertheless, its first message or
/// read loads it from its row.
struct AnnouncedCreation<'a> {
    supervisor: &'a ActorRef<SupervisorMessage>,
    id: PayoutId,
    creation: CreationId,
    is_committed: bool,
}

// Casts fail only if the supervisor has stopped, which ends the process. The row is correct in any case.
impl<'a> AnnouncedCreation<'a> {
    fn new(supervisor: &'a ActorRef<SupervisorMessage>, id: PayoutId, creation: CreationId) -> Self {
        let _ = supervisor.cast(SupervisorMessage::CreationStarted { id, creation });
        Self { supervisor, id, creation, is_committed: false }
    }

    fn committed(mut self, payout: Payout) {
        self.is_committed = true;
        let (creation, payout) = (self.creation, Box::new(payout));
        let _ = self.supervisor.cast(SupervisorMessage::CreationCommitted { creation, payout });
    }
}

impl Drop for AnnouncedCreation<'_> {
    fn drop(&mut self) {
        if !self.is_committed {
            let (id, creation) = (self.id, self.creation);
            let _ = self.supervisor.cast(SupervisorMessage::CreationWithdrawn { id, creation });
        }
    }
}
