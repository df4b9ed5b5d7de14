//! The supervisor: gives each payout at most one actor and routes every message through it.
//!
//! It does no I/O. It spawns an actor when a payout is created or receives a message. It stops actors that are idle,
//! whose payout is in an end state, or that exceed the limit. It replaces an actor that fails, and quarantines the
//! payout after several failures.

mod config;
mod message;
mod passivation;
mod quarantine;
mod slot;

use std::collections::HashMap;
use std::sync::Arc;

use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};
use tokio::sync::oneshot;

pub use self::config::SupervisorConfig;
pub use self::message::{CreationId, SupervisorMessage};
use self::passivation::passivation_candidates;
use self::quarantine::Quarantine;
use self::slot::Slot;
use crate::actor::{ActorArguments, ActorContext, PayoutActor, PayoutMessage};
use crate::ports::Unavailable;
use crate::reply::ReportError;
use payoutd_domain::{Payout, PayoutId};

/// The arguments with which a supervisor starts.
pub struct SupervisorArguments {
    /// The context of every actor.
    pub context: Arc<ActorContext>,
    /// The limits.
    pub config: SupervisorConfig,
}

/// The supervisor's behaviour; its state is [`SupervisorState`].
pub struct Supervisor;

/// The supervisor's state.
pub struct SupervisorState {
    arguments: SupervisorArguments,
    slots: HashMap<PayoutId, Slot>,
    /// The payout of each actor that has not stopped.
    payouts: HashMap<ActorId, PayoutId>,
    /// Creations in progress whose payout has received no message since the creation started.
    creations: HashMap<PayoutId, CreationId>,
    quarantine: Quarantine,
    shutting_down: bool,
}

impl Actor for Supervisor {
    type Msg = SupervisorMessage;
    type State = SupervisorState;
    type Arguments = SupervisorArguments;

    async fn pre_start(
        &self,
        myself: ActorRef<SupervisorMessage>,
        arguments: SupervisorArguments,
    ) -> Result<SupervisorState, ActorProcessingErr> {
        let config = arguments.config;
        myself.send_interval(config.passivation_interval, || SupervisorMessage::Passivate);
        Ok(SupervisorState {
            arguments,
            slots: HashMap::new(),
            payouts: HashMap::new(),
            creations: HashMap::new(),
            quarantine: Quarantine::new(config.failure_limit, config.quarantine),
            shutting_down: false,
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<SupervisorMessage>,
        message: SupervisorMessage,
        state: &mut SupervisorState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            SupervisorMessage::CreationStarted { id, creation } => drop(state.creations.insert(id, creation)),
            SupervisorMessage::CreationWithdrawn { id, creation } => {
                state.remove_creation(id, creation);
            }
            SupervisorMessage::CreationCommitted { creation, payout } => {
                state.creation_committed(&myself, creation, payout).await;
            }
            SupervisorMessage::Route { id, message } => state.route(&myself, id, message).await,
            SupervisorMessage::Passivate => state.passivate_candidates(),
            SupervisorMessage::EvictAll(reply) => state.evict_all(reply),
            SupervisorMessage::ShutDown => state.shut_down(),
        }
        state.stop_if_drained(&myself);
        state.record_metrics();
        Ok(())
    }

    /// Overrides the default, which stops the supervisor, and with it all actors, when one actor exits.
    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<SupervisorMessage>,
        event: SupervisionEvent,
        state: &mut SupervisorState,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => {}
            SupervisionEvent::ActorTerminated(actor, _, _) => {
                state.actor_stopped(&myself, actor.get_id(), None).await;
            }
            SupervisionEvent::ActorFailed(actor, error) => {
                state.actor_stopped(&myself, actor.get_id(), Some(error)).await;
            }
        }
        state.stop_if_drained(&myself);
        state.record_metrics();
        Ok(())
    }
}

impl SupervisorState {
    /// Removes a creation. Returns whether the payout has received no message since the creation started, so that the
    /// row is still as created.
    fn remove_creation(&mut self, id: PayoutId, creation: CreationId) -> bool {
        let is_present = self.creations.get(&id) == Some(&creation);
        if is_present {
            self.creations.remove(&id);
        }
        is_present
    }

    async fn creation_committed(
        &mut self,
        myself: &ActorRef<SupervisorMessage>,
        creation: CreationId,
        payout: Box<Payout>,
    ) {
        let id = payout.created().id;
        let has_capacity = self.slots.len() < self.arguments.config.max_live;
        // Otherwise the payout is loaded from its row with its first message.
        if self.remove_creation(id, creation)
            && has_capacity
            && !self.shutting_down
            && !self.slots.contains_key(&id)
        {
            self.spawn(myself, id, Some(payout)).await;
        }
    }

    async fn route(&mut self, myself: &ActorRef<SupervisorMessage>, id: PayoutId, message: PayoutMessage) {
        if self.shutting_down {
            return message.refuse(Unavailable("shutting down".into()).into());
        }
        if self.quarantine.is_quarantined(id) {
            return message.refuse(ReportError::Quarantined);
        }
        self.creations.remove(&id);
        match self.slots.get_mut(&id) {
            Some(slot) => slot.send(message),
            None => match self.spawn(myself, id, None).await {
                Some(slot) => slot.send(message),
                None => message.refuse(Unavailable("no actor could be started".into()).into()),
            },
        }
    }

    /// Spawns the payout's actor. Returns `None` if that fails; the supervisor continues, because its exit would stop
    /// all actors.
    async fn spawn(
        &mut self,
        myself: &ActorRef<SupervisorMessage>,
        id: PayoutId,
        payout: Option<Box<Payout>>,
    ) -> Option<&mut Slot> {
        let arguments = ActorArguments { id, payout, context: Arc::clone(&self.arguments.context) };
        let actor = match Actor::spawn_linked(None, PayoutActor, arguments, myself.get_cell()).await {
            Ok((actor, _)) => actor,
            Err(error) => {
                tracing::error!(payout = %id, %error, "no actor could be started");
                self.arguments.context.snapshots.remove(id);
                return None;
            }
        };
        let counter = if self.quarantine.has_failed(id) {
            metrics::counter!("payoutd_actors_restarted_total")
        } else {
            metrics::counter!("payoutd_actors_spawned_total")
        };
        counter.increment(1);
        self.payouts.insert(actor.get_id(), id);
        Some(self.slots.entry(id).insert_entry(Slot::live(actor)).into_mut())
    }

    /// Removes an actor that has stopped, and spawns the next one if messages are queued.
    async fn actor_stopped(
        &mut self,
        myself: &ActorRef<SupervisorMessage>,
        actor: ActorId,
        error: Option<ActorProcessingErr>,
    ) {
        let Some(id) = self.payouts.remove(&actor) else { return };
        match error {
            Some(error) => self.quarantine.record_failure(id, &error),
            None => self.quarantine.reset_failures(id),
        }
        self.arguments.context.snapshots.remove(id);
        let queued = self.slots.remove(&id).map(Slot::into_queued).unwrap_or_default();
        for message in queued {
            self.route(myself, id, message).await;
        }
    }

    fn passivate_candidates(&mut self) {
        let SupervisorArguments { context, config } = &self.arguments;
        for id in passivation_candidates(&self.slots, &context.snapshots, *config) {
            self.passivate(id);
        }
        self.quarantine.remove_expired();
    }

    fn passivate(&mut self, id: PayoutId) {
        if self.slots.get_mut(&id).is_some_and(Slot::passivate) {
            metrics::counter!("payoutd_actors_passivated_total").increment(1);
        }
    }

    fn passivate_all(&mut self) {
        let mut ids: Vec<_> = self.slots.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            self.passivate(id);
        }
    }

    /// Stops every actor after the messages that it was sent. The next actor of a payout starts from its row.
    fn evict_all(&mut self, reply: oneshot::Sender<()>) {
        // Another process may also have written to the payouts of creations in progress.
        self.creations.clear();
        self.passivate_all();
        self.arguments.context.snapshots.reset();
        // The caller may have stopped waiting.
        let _ = reply.send(());
    }

    fn shut_down(&mut self) {
        self.shutting_down = true;
        self.passivate_all();
    }

    /// Stops the supervisor after its last actor: a supervisor that stops aborts the actors that are still running.
    fn stop_if_drained(&self, myself: &ActorRef<SupervisorMessage>) {
        if self.shutting_down && self.slots.is_empty() {
            myself.stop(None);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
    fn record_metrics(&self) {
        metrics::gauge!("payoutd_actors_live").set(self.slots.len() as f64);
    }
}
