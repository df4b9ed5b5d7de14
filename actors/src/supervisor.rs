//! The supervisor: gives each payout at most one actor and routes every message through it.
//!
//! It holds no truth and does no I/O. Actors are spawned when a payout is created or spoken of, stopped when idle,
//! ended or too many, replaced after a panic, and left alone for a while after several.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, MessagingErr, SupervisionEvent};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::actor::{PayoutActor, PayoutMessage, Start, World};
use crate::payout::{Payout, PayoutId};
use crate::payouts::ReportError;
use crate::ports::Unavailable;

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
    /// Forget every payout in memory: another process may have written. Answered once nothing old is shown any more.
    ForgetAll(oneshot::Sender<()>),
    /// Take nothing new, let every actor finish what it was sent, and then stop.
    Close,
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
        waiting: Vec<PayoutMessage>,
    },
}

impl Slot {
    /// Hands a message to the live actor. One that has stopped by itself refuses it, and we are told soon: until then
    /// the message waits for its successor.
    fn hand(&mut self, message: PayoutMessage) {
        let refused = match self {
            Self::Live { actor, last_used } => {
                *last_used = Instant::now();
                actor.cast(message).err()
            }
            Self::Stopping { waiting } => {
                waiting.push(message);
                None
            }
        };
        // An actor that fails at this moment takes the message with it; its sender hands it in again.
        if let Some(MessagingErr::SendErr(message)) = refused {
            *self = Self::Stopping { waiting: vec![message] };
        }
    }
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
    closing: bool,
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
        Ok(Children {
            start,
            slots: HashMap::new(),
            owners: HashMap::new(),
            failures: HashMap::new(),
            closing: false,
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<SupervisorMessage>,
        message: SupervisorMessage,
        children: &mut Children,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            SupervisorMessage::Admit(payout) => children.admit(&myself, payout).await,
            SupervisorMessage::Route { id, message } => children.route(&myself, id, message).await,
            SupervisorMessage::Reap => children.reap(),
            SupervisorMessage::ForgetAll(reply) => children.forget_all(reply),
            SupervisorMessage::Close => children.close(),
        }
        children.stop_if_done(&myself);
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
                if let Some(id) = children.gone(&myself, actor.get_id()).await {
                    children.failures.remove(&id);
                }
            }
            SupervisionEvent::ActorFailed(actor, error) => {
                if let Some(id) = children.owners.get(&actor.get_id()).copied() {
                    children.failed(id, &error);
                    children.gone(&myself, actor.get_id()).await;
                }
            }
        }
        children.stop_if_done(&myself);
        children.observe();
        Ok(())
    }
}

impl Children {
    async fn admit(&mut self, myself: &ActorRef<SupervisorMessage>, payout: Box<Payout>) {
        let id = payout.created().id;
        let room = self.slots.len() < self.start.config.max_live;
        // No room, or overtaken by a report: the row is enough.
        if room && !self.closing && !self.slots.contains_key(&id) {
            self.spawn(myself, id, Some(payout)).await;
        }
    }

    async fn route(&mut self, myself: &ActorRef<SupervisorMessage>, id: PayoutId, message: PayoutMessage) {
        if self.closing {
            return message.refuse(Unavailable("shutting down".into()).into());
        }
        if self.quarantined(id) {
            return message.refuse(ReportError::Quarantined);
        }
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
        let start = Start { id, held, world: Arc::clone(&self.start.world) };
        let actor = match Actor::spawn_linked(None, PayoutActor, start, myself.get_cell()).await {
            Ok((actor, _)) => actor,
            Err(error) => {
                tracing::error!(payout = %id, %error, "no actor could be started");
                self.start.world.snapshots.remove(id);
                return None;
            }
        };
        let counter = if self.failures.contains_key(&id) {
            metrics::counter!("payoutd_actors_restarted_total")
        } else {
            metrics::counter!("payoutd_actors_spawned_total")
        };
        counter.increment(1);
        self.owners.insert(actor.get_id(), id);
        let live = Slot::Live { actor, last_used: Instant::now() };
        Some(self.slots.entry(id).insert_entry(live).into_mut())
    }

    /// An actor is no more: forget it, and give its payout a new one where messages wait.
    async fn gone(&mut self, myself: &ActorRef<SupervisorMessage>, actor: ActorId) -> Option<PayoutId> {
        let id = self.owners.remove(&actor)?;
        self.start.world.snapshots.remove(id);
        let waiting = match self.slots.remove(&id) {
            Some(Slot::Stopping { waiting }) => waiting,
            Some(Slot::Live { .. }) | None => Vec::new(),
        };
        for message in waiting {
            self.route(myself, id, message).await;
        }
        Some(id)
    }

    fn close(&mut self) {
        self.closing = true;
        let live: Vec<_> = self.slots.keys().copied().collect();
        for id in live {
            self.passivate(id);
        }
    }

    /// A supervisor that stops takes its actors with it, in the middle of their work: it must be the last to go.
    fn stop_if_done(&self, myself: &ActorRef<SupervisorMessage>) {
        if self.closing && self.slots.is_empty() {
            myself.stop(None);
        }
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

    /// Every actor stops after what it was sent; its successor starts from the row.
    fn forget_all(&mut self, reply: oneshot::Sender<()>) {
        for id in self.slots.keys().copied().collect::<Vec<_>>() {
            self.passivate(id);
        }
        self.start.world.snapshots.trust_afresh();
        // Whoever asked may have stopped waiting.
        let _ = reply.send(());
    }

    /// Lets an actor finish what it was sent, and stop.
    fn passivate(&mut self, id: PayoutId) {
        if let Some(slot) = self.slots.get_mut(&id)
            && let Slot::Live { actor, .. } = slot
        {
            // Refused only by an actor that is gone already, of which we are told as well.
            let _ = actor.drain();
            *slot = Slot::Stopping { waiting: Vec::new() };
            metrics::counter!("payoutd_actors_passivated_total").increment(1);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
    fn observe(&self) {
        metrics::gauge!("payoutd_actors_live").set(self.slots.len() as f64);
    }
}
