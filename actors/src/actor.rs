//! The actor that owns one payout.
//!
//! It caches the payout's row in memory, processes one message at a time, and for each runs
//! decide → commit → apply → publish → reply. It loads the payout with its first message.

mod message;
mod telemetry;

use std::sync::Arc;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::oneshot;

pub use self::message::PayoutMessage;
use self::telemetry::{record_report, record_transition};
use crate::failpoint;
use crate::group_commit::{CommitError, GroupCommit};
use crate::ports::{Append, Appended, Clock, Unavailable};
use crate::read::snapshots::SnapshotCache;
use crate::reply::{Receipt, ReportError};
use payoutd_domain::{
    Cause, Decision, Entry, IllegalEvent, Mode, Outcome, Payout, PayoutId, Report, Snapshot, Unchanged,
};

/// The dependencies that all payout actors share.
#[derive(Clone)]
pub struct ActorContext {
    /// Group commit, through which actors use the journal.
    pub commits: GroupCommit,
    /// The cache to which actors publish committed snapshots.
    pub snapshots: Arc<SnapshotCache>,
    /// The clock that timestamps payouts.
    pub clock: Arc<dyn Clock>,
}

/// How many times one message is decided if its commit conflicts or has an unknown outcome. The payout is reloaded
/// before each further attempt.
const MAX_DECISION_ATTEMPTS: u32 = 5;

/// The actor's behaviour; its state is [`ActorState`].
pub struct PayoutActor;

/// The arguments with which an actor starts.
pub struct ActorArguments {
    /// The id of the actor's payout.
    pub id: PayoutId,
    /// The payout, if it was just created. Otherwise the actor loads it.
    pub payout: Option<Box<Payout>>,
    /// The shared dependencies.
    pub context: Arc<ActorContext>,
}

/// An actor's state.
pub struct ActorState {
    id: PayoutId,
    /// The payout as of its last commit; `None` if it is not loaded or may differ from its row.
    payout: Option<Box<Payout>>,
    context: Arc<ActorContext>,
}

/// Why a message was not processed.
enum TurnError {
    /// The sender gets this error and the actor continues.
    Reply(ReportError),
    /// The payout's journal is damaged. The sender gets no reply and the actor fails.
    Damaged(IllegalEvent),
}

impl From<IllegalEvent> for TurnError {
    fn from(damage: IllegalEvent) -> Self {
        Self::Damaged(damage)
    }
}

impl From<Unavailable> for TurnError {
    fn from(error: Unavailable) -> Self {
        Self::Reply(error.into())
    }
}

impl Actor for PayoutActor {
    type Msg = PayoutMessage;
    type State = ActorState;
    type Arguments = ActorArguments;

    /// Does no I/O, because the supervisor waits for it.
    async fn pre_start(
        &self,
        _myself: ActorRef<PayoutMessage>,
        arguments: ActorArguments,
    ) -> Result<ActorState, ActorProcessingErr> {
        let ActorArguments { id, payout, context } = arguments;
        match &payout {
            Some(payout) => context.snapshots.publish(Arc::new(payout.snapshot())),
            None => context.snapshots.register(id),
        }
        Ok(ActorState { id, payout, context })
    }

    async fn handle(
        &self,
        myself: ActorRef<PayoutMessage>,
        message: PayoutMessage,
        state: &mut ActorState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            PayoutMessage::Report { mode, report, traceparent, reply } => {
                // Boxed, so that an idle actor does not occupy the memory of this future.
                let result = Box::pin(state.report(mode, &report, traceparent)).await;
                send_reply(&myself, result, reply)
            }
            PayoutMessage::DuePassed { reply } => {
                let result = Box::pin(state.due_passed()).await;
                send_reply(&myself, result, reply)
            }
        }
    }
}

/// Sends the reply to a message. Stops the actor if the payout does not exist. If the journal is damaged, sends no
/// reply and fails the actor: the supervisor counts the failure, and the sender sends the message again.
fn send_reply<T>(
    myself: &ActorRef<PayoutMessage>,
    result: Result<T, TurnError>,
    reply: oneshot::Sender<Result<T, ReportError>>,
) -> Result<(), ActorProcessingErr> {
    let result = match result {
        Ok(value) => Ok(value),
        Err(TurnError::Reply(error)) => Err(error),
        Err(TurnError::Damaged(damage)) => return Err(damage.into()),
    };
    if matches!(result, Err(ReportError::NotFound)) {
        // Unlike `stop`, `drain` processes the messages in the mailbox first. It fails only if the actor is stopping.
        let _ = myself.drain();
    }
    failpoint::pass("replying");
    // The caller may have stopped waiting.
    let _ = reply.send(result);
    failpoint::pass("replied");
    Ok(())
}

impl ActorState {
    /// Takes the payout out of the state, or loads it. It is put back only after a commit that succeeded for certain,
    /// so an error in between leaves no payout that differs from its row.
    async fn take_payout(&mut self) -> Result<Box<Payout>, TurnError> {
        if let Some(payout) = self.payout.take() {
            return Ok(payout);
        }
        let stored = self.context.commits.load(self.id).await?;
        let stored = stored.ok_or(TurnError::Reply(ReportError::NotFound))?;
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
            let payout = self.take_payout().await?;
            let payout_mode = payout.created().terms.mode;
            if payout_mode != mode {
                self.payout = Some(payout);
                return Err(TurnError::Reply(ReportError::WrongMode(payout_mode)));
            }
            let now = self.context.clock.now();
            let decision = payout.decide(report, now);
            let outcome = Outcome::from(&decision);
            if decision == Decision::Unchanged(Unchanged::Repeat) {
                let receipt = Receipt { outcome, sequence: payout.sequence() };
                record_report(self.id, report, receipt, payout.state().status());
                self.payout = Some(payout);
                return Ok(receipt);
            }
            let entry = payout.entry(Cause::Report(Report::clone(report)), decision, now);
            if let Some(after) = self.commit(payout, entry, traceparent.clone()).await? {
                let receipt = Receipt { outcome, sequence: after.sequence };
                record_report(self.id, report, receipt, after.status());
                return Ok(receipt);
            }
        }
        Err(Unavailable("every attempt to commit the change conflicted or had an unknown outcome".into())
            .into())
    }

    async fn due_passed(&mut self) -> Result<(), TurnError> {
        for _ in 0..MAX_DECISION_ATTEMPTS {
            let payout = self.take_payout().await?;
            let now = self.context.clock.now();
            let Some(event) = payout.decide_due(now) else {
                self.payout = Some(payout);
                return Ok(());
            };
            let entry = payout.entry(Cause::DuePassed, Decision::Apply(vec![event]), now);
            if self.commit(payout, entry, None).await?.is_some() {
                tracing::info!(payout = %self.id, "the payout is late");
                return Ok(());
            }
        }
        Err(Unavailable("every attempt to commit the change conflicted or had an unknown outcome".into())
            .into())
    }

    /// Commits one entry and applies it. Returns `None` if the message has to be decided again, because the commit
    /// conflicted or its outcome is unknown. The next attempt then loads the row.
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
                self.payout = Some(payout);
                record_transition(from, after.status());
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
                tracing::warn!(payout = %self.id, why, "the outcome of a commit is unknown; reloading the payout");
                Ok(None)
            }
            Err(CommitError::Unavailable(why)) => Err(Unavailable(why).into()),
            Err(CommitError::Rejected(why)) => {
                // Not `Unavailable`, because the intake would retry this report without end.
                tracing::error!(payout = %self.id, why, "the journal rejected a report");
                Err(TurnError::Reply(ReportError::Quarantined))
            }
        }
    }
}
