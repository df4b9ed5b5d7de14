//! The way in: create a payout, report on it, read it.

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
use crate::supervisor::{SupervisorMessage, Ticket};
use payoutd_domain::{
    Change, IllegalEvent, Mode, NewPayout, OrgId, Payout, PayoutId, Report, Sequence, Snapshot, Timestamp,
};

/// How often a message is handed in again whose actor died before it answered.
const DELIVERY_ATTEMPTS: u32 = 8;
/// How long to wait before that.
const DELIVERY_RETRY_PAUSE: Duration = Duration::from_millis(20);
/// How often a creation is tried whose answer is lost.
const CREATION_ATTEMPTS: u32 = 3;

/// How a creation came through.
enum Creation {
    /// The row was written just now.
    New,
    /// It was there when we asked again. It may have been for long, and moved on: sandbox payouts of one quote are alike.
    Found,
}

/// A handle on all payouts. Cheap to clone.
///
/// A caller may drop the future of any call. A write that was submitted is still committed by the group commit tasks, and
/// a message that was sent is still processed by its actor.
#[derive(Clone)]
pub struct PayoutsHandle {
    supervisor: ActorRef<SupervisorMessage>,
    commits: GroupCommit,
    snapshots: Arc<SnapshotCache>,
    clock: Arc<dyn Clock>,
    pending_creations: Arc<PendingCreations>,
    tickets: Arc<AtomicU64>,
}

impl PayoutsHandle {
    /// A handle over the running parts.
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
            tickets: Arc::default(),
        }
    }

    /// The time by the payouts' own clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Begins the creation of a payout with the guard's time. The creation is pending until the guard is dropped, so hold
    /// it until [`create_with_record`](Self::create_with_record) returns, in a task that is not cancelled.
    #[must_use]
    pub fn begin_creation(&self, org: OrgId, mode: Mode) -> CreationGuard {
        self.pending_creations.begin(org, mode, self.clock.now())
    }

    /// A moment up to which every payout there will ever be of this organisation and mode is there, not before now. Waits
    /// for creations under way.
    pub async fn creation_watermark(&self, org: OrgId, mode: Mode) -> Timestamp {
        self.pending_creations.creation_watermark(org, mode, self.clock.now()).await
    }

    /// Creates a payout, using up its quote, and gives it an actor.
    ///
    /// # Errors
    /// Where the quote is used already, or the store cannot say.
    pub async fn create(
        &self,
        payout: NewPayout,
        traceparent: Option<Arc<str>>,
    ) -> Result<Arc<Snapshot>, CreateError> {
        self.create_with_record(payout, None, traceparent).await
    }

    /// Creates a payout as [`create`](Self::create) does, and keeps `answer` in the same commit.
    ///
    /// # Errors
    /// Where the quote is used already, or the store cannot say.
    pub async fn create_with_record(
        &self,
        payout: NewPayout,
        answer: Option<Arc<IdempotencyRecord>>,
        traceparent: Option<Arc<str>>,
    ) -> Result<Arc<Snapshot>, CreateError> {
        let created = Arc::new(payout);
        let payout = Payout::new(Arc::clone(&created));
        let change = Change::creation(Arc::clone(&created));
        let snapshot = Arc::clone(&change.snapshot);
        let (id, ticket) = (created.id, Ticket(self.tickets.fetch_add(1, Ordering::Relaxed)));
        let expectation = Expectation::new(&self.supervisor, id, ticket);
        match self.commit_creation(Create { payout: created, change, answer, traceparent }).await? {
            Creation::New => expectation.admit(payout),
            Creation::Found => drop(expectation),
        }
        Ok(snapshot)
    }

    /// Commits a creation. Where nobody knows whether that happened, it is tried again: the quote can be used up only
    /// once, so the row found then is either our own or the winner's.
    async fn commit_creation(&self, write: Create) -> Result<Creation, CreateError> {
        let mut lost = None;
        for _ in 0..CREATION_ATTEMPTS {
            match self.commits.create(write.clone()).await {
                Ok(Created::Inserted) => return Ok(Creation::New),
                Ok(Created::QuoteUsed(id)) if lost.is_some() && id == write.payout.id => {
                    let ours = self.is_ours(&write.payout).await?;
                    return ours.then_some(Creation::Found).ok_or(CreateError::QuoteUsed(id));
                }
                Ok(Created::QuoteUsed(id)) => return Err(CreateError::QuoteUsed(id)),
                Err(CommitError::Unknown(why)) => lost = Some(why),
                Err(CommitError::Unavailable(why) | CommitError::Rejected(why)) => {
                    return Err(Unavailable(why).into());
                }
            }
        }
        Err(Unavailable(lost.unwrap_or_default()).into())
    }

    /// Whether the row of this id was made by this very creation, or by one that nobody could tell from it.
    async fn is_ours(&self, created: &NewPayout) -> Result<bool, Unavailable> {
        let stored = self.commits.load(created.id).await?;
        Ok(stored.is_some_and(|stored| {
            stored.created.tracking_token == created.tracking_token
                && stored.created.created_at == created.created_at
        }))
    }

    /// Hands a report to the payout's actor and waits until its outcome is recorded. `mode` is the mode that the
    /// source of the report speaks for.
    ///
    /// # Errors
    /// Where the report has no recorded outcome.
    pub async fn report(
        &self,
        id: PayoutId,
        mode: Mode,
        report: Report,
        traceparent: Option<Arc<str>>,
    ) -> Result<Receipt, ReportError> {
        let report = Arc::new(report);
        self.send_until_answered(id, |reply| PayoutMessage::Report {
            mode,
            report: Arc::clone(&report),
            traceparent: traceparent.clone(),
            reply,
        })
        .await?
    }

    /// Lets the payout's actor record that its estimated delivery time has passed, if it has.
    ///
    /// # Errors
    /// Where that could not be recorded.
    pub async fn due_passed(&self, id: PayoutId) -> Result<(), ReportError> {
        self.send_until_answered(id, |reply| PayoutMessage::DuePassed { reply }).await?
    }

    /// The payout as of its newest commit; `None` where there is none. Costs no query while its actor is live.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    pub async fn read(&self, id: PayoutId) -> Result<Option<Arc<Snapshot>>, Unavailable> {
        match self.snapshots.get(id) {
            Some(live) => Ok(Some(self.up_to_date(live).await)),
            None => match self.commits.load(id).await? {
                Some(stored) => self.show(&stored).await.map(Some),
                None => Ok(None),
            },
        }
    }

    /// A payout that was loaded, as of its newest commit that anybody was shown, or a later one.
    ///
    /// # Errors
    /// Where its journal is damaged.
    pub async fn show(&self, stored: &Stored) -> Result<Arc<Snapshot>, Unavailable> {
        let payout = stored.replay().map_err(|damage| damaged(stored, damage))?;
        // An actor may have come to life meanwhile and not know yet what this read saw committed.
        Ok(self.up_to_date(self.snapshots.newest(Arc::new(payout.snapshot()))).await)
    }

    async fn up_to_date(&self, mut snapshot: Arc<Snapshot>) -> Arc<Snapshot> {
        let id = snapshot.payout.id;
        if snapshot.state.due().is_some_and(|due| due.passed(self.clock.now())) {
            // Lateness is a change like any other, so it is committed before it is shown.
            if self.due_passed(id).await.is_ok()
                && let Some(newer) = self.snapshots.get(id)
            {
                snapshot = newer;
            }
        }
        snapshot
    }

    /// Every change of a payout after `after`, oldest first, out of its journal; `None` where there is no such payout. The
    /// creation is the first.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    pub async fn history(&self, id: PayoutId, after: Sequence) -> Result<Option<Vec<Change>>, Unavailable> {
        let Some(stored) = self.commits.load(id).await? else { return Ok(None) };
        let changes = stored.changes().map_err(|damage| damaged(&stored, damage))?;
        let mut history = vec![Change::creation(stored.created)];
        history.extend(changes);
        history.retain(|change| change.sequence() > after);
        Ok(Some(history))
    }

    /// Watches a payout from now on. [`read`](Self::read) it afterwards, so that nothing happens in between unseen.
    #[must_use]
    pub fn subscribe(&self, id: PayoutId) -> Subscription {
        self.snapshots.subscriptions().subscribe(id)
    }

    /// Shows nothing from memory until [`forget_all`](Self::forget_all): the database may not be ours alone any more.
    pub fn disable_memory_reads(&self) {
        self.snapshots.disable();
    }

    /// Forgets every payout in memory, because another process may have written. The next message or poll of each
    /// starts from its row.
    pub async fn forget_all(&self) {
        let (reply, forgotten) = oneshot::channel();
        if self.supervisor.cast(SupervisorMessage::ForgetAll(reply)).is_ok() {
            // A supervisor that dies instead of answering ends the process.
            let _ = forgotten.await;
        }
    }

    /// Sends a message until an actor answers it. An actor that dies takes its mailbox with it, unanswered; every
    /// message here may be handed in again, because its effect is recognised in the journal.
    async fn send_until_answered<T>(
        &self,
        id: PayoutId,
        message: impl Fn(oneshot::Sender<T>) -> PayoutMessage,
    ) -> Result<T, Unavailable> {
        for _ in 0..DELIVERY_ATTEMPTS {
            let (reply, answer) = oneshot::channel();
            if self.supervisor.cast(SupervisorMessage::Route { id, message: message(reply) }).is_err() {
                return Err(Unavailable("the supervisor is gone".into()));
            }
            if let Ok(answer) = answer.await {
                return Ok(answer);
            }
            tokio::time::sleep(DELIVERY_RETRY_PAUSE).await;
        }
        Err(Unavailable("the payout's actor did not answer".into()))
    }
}

fn damaged(stored: &Stored, damage: IllegalEvent) -> Unavailable {
    Unavailable(format!("{}: {damage}", stored.created.id))
}

/// A creation that the supervisor expects. Dropping this withdraws the expectation: the creation failed, or its caller
/// stopped waiting. A payout that is committed nevertheless gets its actor from its row, like any other.
struct Expectation<'a> {
    supervisor: &'a ActorRef<SupervisorMessage>,
    id: PayoutId,
    ticket: Ticket,
    is_admitted: bool,
}

impl<'a> Expectation<'a> {
    // A cast fails only if the supervisor has ended, which ends the process. The row is safe either way.
    fn new(supervisor: &'a ActorRef<SupervisorMessage>, id: PayoutId, ticket: Ticket) -> Self {
        let _ = supervisor.cast(SupervisorMessage::Expect { id, ticket });
        Self { supervisor, id, ticket, is_admitted: false }
    }

    /// Gives the committed payout an actor.
    fn admit(mut self, payout: Payout) {
        self.is_admitted = true;
        let message = SupervisorMessage::Admit { ticket: self.ticket, payout: Box::new(payout) };
        let _ = self.supervisor.cast(message);
    }
}

impl Drop for Expectation<'_> {
    fn drop(&mut self) {
        if !self.is_admitted {
            let message = SupervisorMessage::Forget { id: self.id, ticket: self.ticket };
            let _ = self.supervisor.cast(message);
        }
    }
}
