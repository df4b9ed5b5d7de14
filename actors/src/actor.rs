//! The actor that owns one payout.
//!
//! It keeps the payout in memory as a cache of its row, takes one message at a time, and for each runs
//! decide → commit → apply → publish → reply. It loads lazily, with its first message.

mod message;
mod observe;

use std::sync::Arc;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::oneshot;

pub use self::message::PayoutMessage;
use self::observe::{count_transition, observe_report};
use crate::failpoint;
use crate::group_commit::{CommitError, GroupCommit};
use crate::ports::{Append, Appended, Clock, Unavailable};
use crate::read::snapshots::SnapshotCache;
use crate::reply::{Receipt, ReportError};
use payoutd_domain::{
    Cause, Decision, Entry, IllegalEvent, Mode, Outcome, Payout, PayoutId, Report, Snapshot, Unchanged,
};

/// What every payout actor shares.
#[derive(Clone)]
pub struct ActorContext {
    /// The way to the journal.
    pub commits: GroupCommit,
    /// Where committed snapshots are shown.
    pub snapshots: Arc<SnapshotCache>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// How often one message is decided anew after the row turned out to have moved on. Each round reloads.
const MAX_DECISION_ATTEMPTS: u32 = 5;

/// The actor's behaviour; its state is [`ActorState`].
pub struct PayoutActor;

/// What an actor starts with.
pub struct Start {
    /// The payout it will own.
    pub id: PayoutId,
    /// The payout itself, where it was created just now.
    pub held: Option<Box<Payout>>,
    /// What it shares with the others.
    pub context: Arc<ActorContext>,
}

/// An actor's state: the payout as of its last commit, or nothing where that is not known.
pub struct ActorState {
    id: PayoutId,
    held: Option<Box<Payout>>,
    context: Arc<ActorContext>,
}

/// Why a message could not be dealt with.
enum TurnError {
    /// The sender is told; the actor goes on.
    Answer(ReportError),
    /// The journal does not fit this payout. The actor must not go on.
    Damaged(IllegalEvent),
}

impl From<IllegalEvent> for TurnError {
    fn from(damage: IllegalEvent) -> Self {
        Self::Damaged(damage)
    }
}

impl From<Unavailable> for TurnError {
    fn from(error: Unavailable) -> Self {
        Self::Answer(error.into())
    }
}

impl Actor for PayoutActor {
    type Msg = PayoutMessage;
    type State = ActorState;
    type Arguments = Start;

    /// No I/O here: the supervisor waits for this.
    async fn pre_start(
        &self,
        _myself: ActorRef<PayoutMessage>,
        start: Start,
    ) -> Result<ActorState, ActorProcessingErr> {
        let Start { id, held, context } = start;
        match &held {
            Some(payout) => context.snapshots.publish(Arc::new(payout.snapshot())),
            None => context.snapshots.expect(id),
        }
        Ok(ActorState { id, held, context })
    }

    async fn handle(
        &self,
        myself: ActorRef<PayoutMessage>,
        message: PayoutMessage,
        state: &mut ActorState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            PayoutMessage::Report { mode, report, traceparent, reply } => {
                // In a box, so that an actor with nothing to do does not hold the room that it takes to do something.
                let answer = Box::pin(state.report(mode, &report, traceparent)).await;
                reply_to(&myself, answer, reply)
            }
            PayoutMessage::DuePassed { reply } => {
                let answer = Box::pin(state.due_passed()).await;
                reply_to(&myself, answer, reply)
            }
        }
    }
}

/// Replies, and ends the actor where there is nothing to own or the journal is damaged. In that last case nobody is
/// answered: the supervisor counts the failure, and senders hand the message in again.
fn reply_to<T>(
    myself: &ActorRef<PayoutMessage>,
    answer: Result<T, TurnError>,
    reply: oneshot::Sender<Result<T, ReportError>>,
) -> Result<(), ActorProcessingErr> {
    let answer = match answer {
        Ok(done) => Ok(done),
        Err(TurnError::Answer(error)) => Err(error),
        Err(TurnError::Damaged(damage)) => return Err(damage.into()),
    };
    if matches!(answer, Err(ReportError::NotFound)) {
        // Not `stop`, which would throw away what else was sent about this payout. Refused only when it happens already.
        let _ = myself.drain();
    }
    // Whoever asked may have stopped waiting; what is committed is committed.
    failpoint::pass("replying");
    let _ = reply.send(answer);
    failpoint::pass("replied");
    Ok(())
}

impl ActorState {
    /// The payout, taken out: it is put back only after a commit that surely happened, so whatever goes wrong in
    /// between leaves nothing that could be mistaken for the truth.
    async fn take(&mut self) -> Result<Box<Payout>, TurnError> {
        if let Some(payout) = self.held.take() {
            return Ok(payout);
        }
        let stored =
            self.context.commits.load(self.id).await?.ok_or(TurnError::Answer(ReportError::NotFound))?;
        let payout = Box::new(stored.replay()?);
        self.context.snapshots.publish(Arc::new(payout.snapshot()));
        metrics::counter!("payoutd_actors_restored_total").increment(1);
        Ok(payout)
    }

    async fn report(
        &mut self,
        mode: Mode,
        report: &Arc<Report>,
        traceparent: Option<Arc<str>>,
    ) -> Result<Receipt, TurnError> {
        for _ in 0..MAX_DECISION_ATTEMPTS {
            let payout = self.take().await?;
            let belongs = payout.created().terms.mode;
            if belongs != mode {
                self.held = Some(payout);
                return Err(TurnError::Answer(ReportError::WrongMode(belongs)));
            }
            let now = self.context.clock.now();
            let decision = payout.decide(report, now);
            let outcome = Outcome::from(&decision);
            if decision == Decision::Unchanged(Unchanged::Repeat) {
                let receipt = Receipt { outcome, sequence: payout.sequence() };
                observe_report(self.id, report, receipt, payout.state().status());
                self.held = Some(payout);
                return Ok(receipt);
            }
            let entry = payout.entry(Cause::Report(Report::clone(report)), decision, now);
            if let Some(after) = self.commit(payout, entry, traceparent.clone()).await? {
                let receipt = Receipt { outcome, sequence: after.sequence };
                observe_report(self.id, report, receipt, after.status());
                return Ok(receipt);
            }
        }
        Err(Unavailable("the payout's row keeps moving".into()).into())
    }

    async fn due_passed(&mut self) -> Result<(), TurnError> {
        for _ in 0..MAX_DECISION_ATTEMPTS {
            let payout = self.take().await?;
            let now = self.context.clock.now();
            let Some(event) = payout.decide_due(now) else {
                self.held = Some(payout);
                return Ok(());
            };
            let entry = payout.entry(Cause::DuePassed, Decision::Apply(vec![event]), now);
            if self.commit(payout, entry, None).await?.is_some() {
                tracing::info!(payout = %self.id, "the payout is late");
                return Ok(());
            }
        }
        Err(Unavailable("the payout's row keeps moving".into()).into())
    }

    /// Commits one entry and takes it in. `None` where it has to be decided again: the row was not where we thought,
    /// or nobody knows whether the commit happened. Either way the next round starts from the row.
    async fn commit(
        &mut self,
        mut payout: Box<Payout>,
        entry: Entry,
        traceparent: Option<Arc<str>>,
    ) -> Result<Option<Arc<Snapshot>>, TurnError> {
        let (expected, from) = (payout.version(), payout.state().status());
        failpoint::pass("decided");
        let changes = payout.apply(&entry)?;
        let after = Arc::new(payout.snapshot());
        let write = Append {
            expected,
            entry: Arc::new(entry),
            after: Arc::clone(&after),
            changes: changes.clone(),
            traceparent,
        };
        match self.context.commits.append(write).await {
            Ok(Appended::Committed) => {
                failpoint::pass("committed");
                self.context.snapshots.publish_changes(Arc::clone(&after), &changes);
                self.held = Some(payout);
                count_transition(from, after.status());
                Ok(Some(after))
            }
            Ok(Appended::Conflict) => {
                metrics::counter!("payoutd_commit_conflicts_total").increment(1);
                self.context.snapshots.mark_stale(self.id);
                Ok(None)
            }
            Err(CommitError::Unknown(why)) => {
                metrics::counter!("payoutd_commits_unknown_total").increment(1);
                self.context.snapshots.mark_stale(self.id);
                tracing::warn!(payout = %self.id, why, "the outcome of a commit is unknown; reloading");
                Ok(None)
            }
            Err(CommitError::Unavailable(why)) => Err(Unavailable(why).into()),
            Err(CommitError::Rejected(why)) => {
                // Not `Unavailable`, which makes the intake wait and try this very report again, for ever.
                tracing::error!(payout = %self.id, why, "the journal refuses a report");
                Err(TurnError::Answer(ReportError::Quarantined))
            }
        }
    }
}
