//! The supervisor: gives each payout at most one actor and routes every message through it.
//!
//! It holds no truth and does no I/O. Actors are spawned when a payout is created or spoken of, stopped when idle,
//! ended or too many, replaced after a panic, and left alone for a while after several.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, SpawnErr, SupervisionEvent};
use tokio::time::Instant;

use crate::actor::{PayoutActor, PayoutMessage, Start, World};
use crate::payout::{Payout, PayoutId};
use crate::payouts::ReportError;

/// The limits a supervisor keeps.
#[derive(Debug, Clone, Copy)]
pub struct SupervisorConfig {
    /// The most actors alive, give or take those with a message to work on.
    pub max_live: usize,
    /// How long an actor stays after its last message.
    pub idle_after: Duration,
    /// How long it stays once its payout has ended.
    pub ended_after: Duration,
    /// How often it looks for actors to stop.
    pub reap_every: Duration,
    /// After how many failures in a row an actor is not replaced at once any more.
    pub failure_limit: u32,
    /// How long a payout is then left alone.
    pub quarantine: Duration,
}

/// What the supervisor is told.
#[derive(Debug)]
pub enum SupervisorMessage {
    /// A payout was created just now.
    Admit(Box<Payout>),
    /// Something for a payout's actor.
    Route {
        /// Whose.
        id: PayoutId,
        /// What.
        message: PayoutMessage,
    },
    /// Time to look for actors to stop.
    Reap,
}

/// What a supervisor starts with.
pub struct SupervisorStart {
    /// What it hands to every actor.
    pub world: Arc<World>,
    /// Its limits.
    pub config: SupervisorConfig,
}

/// The supervisor's behaviour; its state is [`Children`].
pub struct Supervisor;

enum Slot {
    Live {
        actor: ActorRef<PayoutMessage>,
        last_used: Instant,
    },
    /// Told to stop; what came since waits for its successor, so that no two actors ever own one payout.
    Stopping {
        actor: ActorId,
        waiting: Vec<PayoutMessage>,
    },
}

struct Failures {
    in_a_row: u32,
    last: Instant,
}

/// The supervisor's state.
pub struct Children {
    start: SupervisorStart,
    slots: HashMap<PayoutId, Slot>,
    owners: HashMap<ActorId, PayoutId>,
    failures: HashMap<PayoutId, Failures>,
}

impl Actor for Supervisor {
    type Msg = SupervisorMessage;
    type State = Children;
    type Arguments = SupervisorStart;

    async fn pre_start(
        &self,
        myself: ActorRef<SupervisorMessage>,
        start: SupervisorStart,
    ) -> Result<Children, ActorProcessingErr> {
        myself.send_interval(start.config.reap_every, || SupervisorMessage::Reap);
        Ok(Children { start, slots: HashMap::new(), owners: HashMap::new(), failures: HashMap::new() })
    }

    async fn handle(
        &self,
        myself: ActorRef<SupervisorMessage>,
        message: SupervisorMessage,
        children: &mut Children,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            SupervisorMessage::Admit(payout) => children.admit(&myself, payout).await?,
            SupervisorMessage::Route { id, message } => children.route(&myself, id, message).await?,
            SupervisorMessage::Reap => children.reap(),
        }
        children.observe();
        Ok(())
    }

    /// Never the default, which stops the supervisor, and every actor in the middle of its work, when one exits.
    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<SupervisorMessage>,
        event: SupervisionEvent,
        children: &mut Children,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => {}
            SupervisionEvent::ActorTerminated(actor, _, _) => {
                if let Some(id) = children.gone(&myself, actor.get_id()).await? {
                    children.failures.remove(&id);
                }
            }
            SupervisionEvent::ActorFailed(actor, error) => {
                if let Some(id) = children.owners.get(&actor.get_id()).copied() {
                    children.failed(id, &error);
                    children.gone(&myself, actor.get_id()).await?;
                }
            }
        }
        children.observe();
        Ok(())
    }
}

impl Children {
    async fn admit(
        &mut self,
        myself: &ActorRef<SupervisorMessage>,
        payout: Box<Payout>,
    ) -> Result<(), SpawnErr> {
        let id = payout.created().id;
        // Over the limit, or overtaken by a report: the row is enough.
        if self.slots.len() < self.start.config.max_live && !self.slots.contains_key(&id) {
            self.spawn(myself, id, Some(payout)).await?;
        }
        Ok(())
    }

    async fn route(
        &mut self,
        myself: &ActorRef<SupervisorMessage>,
        id: PayoutId,
        message: PayoutMessage,
    ) -> Result<(), SpawnErr> {
        if self.quarantined(id) {
            message.refuse(ReportError::Quarantined);
            return Ok(());
        }
        match self.slots.get_mut(&id) {
            Some(Slot::Stopping { waiting, .. }) => waiting.push(message),
            Some(Slot::Live { actor, last_used }) => {
                *last_used = Instant::now();
                // An actor that has just died takes the message with it; its sender hands it in again.
                let _ = actor.cast(message);
            }
            None => {
                let actor = self.spawn(myself, id, None).await?;
                let _ = actor.cast(message);
            }
        }
        Ok(())
    }

    async fn spawn(
        &mut self,
        myself: &ActorRef<SupervisorMessage>,
        id: PayoutId,
        held: Option<Box<Payout>>,
    ) -> Result<ActorRef<PayoutMessage>, SpawnErr> {
        let start = Start { id, held, world: Arc::clone(&self.start.world) };
        let (actor, _) = Actor::spawn_linked(None, PayoutActor, start, myself.get_cell()).await?;
        self.owners.insert(actor.get_id(), id);
        self.slots.insert(id, Slot::Live { actor: actor.clone(), last_used: Instant::now() });
        let counter = if self.failures.contains_key(&id) {
            metrics::counter!("payoutd_actors_restarted_total")
        } else {
            metrics::counter!("payoutd_actors_spawned_total")
        };
        counter.increment(1);
        Ok(actor)
    }

    /// An actor is no more: forget it, and give its payout a new one where messages wait.
    async fn gone(
        &mut self,
        myself: &ActorRef<SupervisorMessage>,
        actor: ActorId,
    ) -> Result<Option<PayoutId>, SpawnErr> {
        let Some(id) = self.owners.remove(&actor) else { return Ok(None) };
        self.start.world.snapshots.remove(id);
        let waiting = match self.slots.remove(&id) {
            Some(Slot::Stopping { waiting, actor: stopping }) if stopping == actor => waiting,
            Some(Slot::Live { .. } | Slot::Stopping { .. }) | None => Vec::new(),
        };
        for message in waiting {
            self.route(myself, id, message).await?;
        }
        Ok(Some(id))
    }

    fn failed(&mut self, id: PayoutId, error: &ActorProcessingErr) {
        let now = Instant::now();
        let failures = self.failures.entry(id).or_insert(Failures { in_a_row: 0, last: now });
        failures.in_a_row += 1;
        failures.last = now;
        let (count, limit) = (failures.in_a_row, self.start.config.failure_limit);
        if count >= limit {
            metrics::counter!("payoutd_actors_quarantined_total").increment(1);
            tracing::error!(payout = %id, %error, count, "the payout's actor keeps failing: quarantined");
        } else {
            tracing::error!(payout = %id, %error, count, "the payout's actor failed; it will be replaced");
        }
    }

    /// Whether a payout is to be left alone. After the quarantine one more try is free.
    fn quarantined(&mut self, id: PayoutId) -> bool {
        let config = self.start.config;
        let Some(failures) = self.failures.get_mut(&id) else { return false };
        if failures.in_a_row < config.failure_limit {
            return false;
        }
        if failures.last.elapsed() < config.quarantine {
            return true;
        }
        failures.in_a_row = config.failure_limit - 1;
        false
    }

    fn reap(&mut self) {
        let config = self.start.config;
        let snapshots = &self.start.world.snapshots;
        let now = Instant::now();
        let mut live = Vec::with_capacity(self.slots.len());
        let mut idle = Vec::new();
        for (id, slot) in &self.slots {
            let Slot::Live { last_used, .. } = slot else { continue };
            let unused = now.duration_since(*last_used);
            let ended = || snapshots.get(*id).is_some_and(|snapshot| snapshot.status().is_end());
            if unused >= config.idle_after || (unused >= config.ended_after && ended()) {
                idle.push(*id);
            } else {
                live.push((*last_used, *id));
            }
        }
        let too_many = live.len().saturating_sub(config.max_live);
        if too_many > 0 {
            live.select_nth_unstable(too_many - 1);
            idle.extend(live[..too_many].iter().map(|(_, id)| *id));
        }
        for id in idle {
            self.passivate(id);
        }
        // A payout that behaved for a whole quarantine starts with a clean record.
        self.failures.retain(|_, failures| failures.last.elapsed() < config.quarantine * 2);
    }

    /// Lets an actor finish what it was sent, and stop.
    fn passivate(&mut self, id: PayoutId) {
        if let Some(slot) = self.slots.get_mut(&id)
            && let Slot::Live { actor, .. } = slot
        {
            let stopping = Slot::Stopping { actor: actor.get_id(), waiting: Vec::new() };
            // Refused only by an actor that is gone already, of which we are told as well.
            let _ = actor.drain();
            *slot = stopping;
            metrics::counter!("payoutd_actors_passivated_total").increment(1);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
    fn observe(&self) {
        metrics::gauge!("payoutd_actors_live").set(self.slots.len() as f64);
    }
}
