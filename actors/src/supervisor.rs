//! The supervisor: gives each payout at most one actor and routes every message through it.
//!
//! It holds no truth and does no I/O. Actors are spawned when a payout is created or spoken of, stopped when idle,
//! ended or too many, replaced after a panic, and left alone for a while after several.

mod message;
mod passivation;
mod quarantine;
mod slot;

use std::collections::HashMap;
use std::sync::Arc;

use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};
use tokio::sync::oneshot;

pub use self::message::{SupervisorConfig, SupervisorMessage, Ticket};
use self::passivation::passivation_candidates;
use self::quarantine::Quarantine;
use self::slot::Slot;
use crate::actor::{ActorContext, PayoutActor, PayoutMessage, Start};
use crate::ports::Unavailable;
use crate::reply::ReportError;
use payoutd_domain::{Payout, PayoutId};

/// What a supervisor starts with.
pub struct SupervisorStart {
    /// What it hands to every actor.
    pub context: Arc<ActorContext>,
    /// Its limits.
    pub config: SupervisorConfig,
}

/// The supervisor's behaviour; its state is [`SupervisorState`].
pub struct Supervisor;

/// The supervisor's state.
pub struct SupervisorState {
    start: SupervisorStart,
    slots: HashMap<PayoutId, Slot>,
    owners: HashMap<ActorId, PayoutId>,
    /// Payouts that are being created and that nobody has spoken of yet.
    expected: HashMap<PayoutId, Ticket>,
    quarantine: Quarantine,
    closing: bool,
}

impl Actor for Supervisor {
    type Msg = SupervisorMessage;
    type State = SupervisorState;
    type Arguments = SupervisorStart;

    async fn pre_start(
        &self,
        myself: ActorRef<SupervisorMessage>,
        start: SupervisorStart,
    ) -> Result<SupervisorState, ActorProcessingErr> {
        myself.send_interval(start.config.reap_every, || SupervisorMessage::Reap);
        let quarantine = Quarantine::new(start.config.failure_limit, start.config.quarantine);
        Ok(SupervisorState {
            start,
            slots: HashMap::new(),
            owners: HashMap::new(),
            expected: HashMap::new(),
            quarantine,
            closing: false,
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<SupervisorMessage>,
        message: SupervisorMessage,
        state: &mut SupervisorState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            SupervisorMessage::Expect { id, ticket } => drop(state.expected.insert(id, ticket)),
            SupervisorMessage::Forget { id, ticket } => drop(state.was_expected(id, ticket)),
            SupervisorMessage::Admit { ticket, payout } => state.admit(&myself, ticket, payout).await,
            SupervisorMessage::Route { id, message } => state.route(&myself, id, message).await,
            SupervisorMessage::Reap => state.reap(),
            SupervisorMessage::ForgetAll(reply) => state.forget_all(reply),
            SupervisorMessage::Close => state.close(),
        }
        state.stop_if_done(&myself);
        state.observe();
        Ok(())
    }

    /// Never the default, which stops the supervisor, and every actor in the middle of its work, when one exits.
    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<SupervisorMessage>,
        event: SupervisionEvent,
        state: &mut SupervisorState,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => {}
            SupervisionEvent::ActorTerminated(actor, _, _) => {
                state.gone(&myself, actor.get_id(), None).await;
            }
            SupervisionEvent::ActorFailed(actor, error) => {
                state.gone(&myself, actor.get_id(), Some(error)).await;
            }
        }
        state.stop_if_done(&myself);
        state.observe();
        Ok(())
    }
}

impl SupervisorState {
    /// Whether this creation is still expected: nobody has spoken of the payout since it began, so that what the
    /// creator holds is what the row says.
    fn was_expected(&mut self, id: PayoutId, ticket: Ticket) -> bool {
        let expected = self.expected.get(&id) == Some(&ticket);
        if expected {
            self.expected.remove(&id);
        }
        expected
    }

    async fn admit(&mut self, myself: &ActorRef<SupervisorMessage>, ticket: Ticket, payout: Box<Payout>) {
        let id = payout.created().id;
        let room = self.slots.len() < self.start.config.max_live;
        // No room, or overtaken by a report: the row is enough.
        if self.was_expected(id, ticket) && room && !self.closing && !self.slots.contains_key(&id) {
            self.spawn(myself, id, Some(payout)).await;
        }
    }

    async fn route(&mut self, myself: &ActorRef<SupervisorMessage>, id: PayoutId, message: PayoutMessage) {
        if self.closing {
            return message.refuse(Unavailable("shutting down".into()).into());
        }
        if self.quarantine.holds(id) {
            return message.refuse(ReportError::Quarantined);
        }
        self.expected.remove(&id);
        match self.slots.get_mut(&id) {
            Some(slot) => slot.hand(message),
            None => match self.spawn(myself, id, None).await {
                Some(slot) => slot.hand(message),
                None => message.refuse(Unavailable("no actor could be started".into()).into()),
            },
        }
    }

    /// Gives the payout an actor. `None` where that is refused, which the supervisor must survive: its end is the
    /// end of every other actor.
    async fn spawn(
        &mut self,
        myself: &ActorRef<SupervisorMessage>,
        id: PayoutId,
        held: Option<Box<Payout>>,
    ) -> Option<&mut Slot> {
        let start = Start { id, held, context: Arc::clone(&self.start.context) };
        let actor = match Actor::spawn_linked(None, PayoutActor, start, myself.get_cell()).await {
            Ok((actor, _)) => actor,
            Err(error) => {
                tracing::error!(payout = %id, %error, "no actor could be started");
                self.start.context.snapshots.remove(id);
                return None;
            }
        };
        let counter = if self.quarantine.has_failed(id) {
            metrics::counter!("payoutd_actors_restarted_total")
        } else {
            metrics::counter!("payoutd_actors_spawned_total")
        };
        counter.increment(1);
        self.owners.insert(actor.get_id(), id);
        Some(self.slots.entry(id).insert_entry(Slot::live(actor)).into_mut())
    }

    /// An actor is no more: forget it, and give its payout a new one where messages wait.
    async fn gone(
        &mut self,
        myself: &ActorRef<SupervisorMessage>,
        actor: ActorId,
        error: Option<ActorProcessingErr>,
    ) {
        let Some(id) = self.owners.remove(&actor) else { return };
        match error {
            Some(error) => self.quarantine.failed(id, &error),
            None => self.quarantine.reset_failures(id),
        }
        self.start.context.snapshots.remove(id);
        let waiting = self.slots.remove(&id).map(Slot::into_waiting).unwrap_or_default();
        for message in waiting {
            self.route(myself, id, message).await;
        }
    }

    fn reap(&mut self) {
        let leaving = passivation_candidates(&self.slots, &self.start.context.snapshots, self.start.config);
        for id in leaving {
            self.passivate(id);
        }
        self.quarantine.forget_old_failures();
    }

    fn passivate(&mut self, id: PayoutId) {
        if self.slots.get_mut(&id).is_some_and(Slot::passivate) {
            metrics::counter!("payoutd_actors_passivated_total").increment(1);
        }
    }

    fn passivate_all(&mut self) {
        let mut all: Vec<_> = self.slots.keys().copied().collect();
        all.sort_unstable();
        for id in all {
            self.passivate(id);
        }
    }

    /// Every actor stops after what it was sent; its successor starts from the row.
    fn forget_all(&mut self, reply: oneshot::Sender<()>) {
        // Creations under way included: their payouts may have moved on elsewhere.
        self.expected.clear();
        self.passivate_all();
        self.start.context.snapshots.reset();
        // Whoever asked may have stopped waiting.
        let _ = reply.send(());
    }

    fn close(&mut self) {
        self.closing = true;
        self.passivate_all();
    }

    /// A supervisor that stops takes its actors with it, in the middle of their work: it must be the last to go.
    fn stop_if_done(&self, myself: &ActorRef<SupervisorMessage>) {
        if self.closing && self.slots.is_empty() {
            myself.stop(None);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
    fn observe(&self) {
        metrics::gauge!("payoutd_actors_live").set(self.slots.len() as f64);
    }
}
