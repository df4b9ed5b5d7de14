//! The running system, and the order in which it starts and stops.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use payoutd_actors::group_commit::GroupCommitConfig;
use payoutd_actors::handle::PayoutsHandle;
use payoutd_actors::overdue_sweep::sweep;
use payoutd_actors::ports::{Clock, Journal};
use payoutd_actors::supervisor::SupervisorConfig;
use payoutd_actors::system::{self, ActorSystem, ActorSystemConfig};
use payoutd_domain::Mode;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::SystemClock;
use super::lease::{self, LeaseStatus};
use super::open_files;
use crate::cli::Failure;
use crate::config::Config;
use crate::http::{self, ServerLimits};
use crate::ops::{self, Check, Readiness};
use crate::outbox::{NotifyingJournal, Publisher, Relay, RelayConfig, Wakeups};
use crate::reports::{
    DeadLetters, ParkedReportWorker, ParkedReportWorkerConfig, ReportIntake, ReportIntakeConfig,
};
use crate::runtime::shutdown::{Shutdown, termination_signal};
use crate::runtime::task_group::TaskGroup;
use crate::runtime::telemetry;
use crate::sandbox::{ReportSink, Simulator};
use crate::store::{LeaseGuard, Store};
use crate::wire::Renderer;

/// What a system is before anything runs: its configuration, its store, its open ports.
pub(super) struct Components {
    pub(super) config: Config,
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) renderer: Renderer,
    pub(super) ownership: Arc<LeaseStatus>,
}

/// A system whose payouts are up. Neither the edges nor the bus are there yet.
pub(super) struct System {
    pub(super) foundation: Components,
    pub(super) readiness: Arc<Readiness>,
    pub(super) payouts: PayoutsHandle,
    /// Takes work in. Asked to stop first.
    pub(super) edges: TaskGroup,
    /// Works by itself.
    pub(super) background: TaskGroup,
    /// Publishes what was committed. Asked to stop last.
    pub(super) relays: TaskGroup,
    /// The operators' listener, which outlives everything else.
    ops: TaskGroup,
    engine: ActorSystem,
    pub(super) hints: Wakeups,
}

impl Components {
    /// Opens the partners' port and the store. Nothing is served yet.
    pub(super) async fn open(config: Config, database_url: &str) -> Result<(Self, TcpListener), Failure> {
        open_files::allow(config.http.max_connections);
        let http = bind(config.http.listen, "http.listen").await?;
        let public_url = match config.http.public_url.as_str() {
            "" => format!("http://{}", http.local_addr()?),
            url => url.to_owned(),
        };
        let store = super::open_store_at(&config, database_url, &public_url).await?;
        let foundation = Self {
            config,
            store,
            clock: Arc::new(SystemClock),
            renderer: Renderer::new(&public_url),
            ownership: Arc::default(),
        };
        Ok((foundation, http))
    }

    /// Starts the operators' listener, waits until the database is ours, and starts the payouts. `None` where the
    /// process was asked to stop while it waited.
    pub(super) async fn start(
        self,
        metrics: PrometheusHandle,
        checks: Vec<(&'static str, Arc<dyn Check>)>,
    ) -> Result<Option<(System, LeaseGuard)>, Failure> {
        let mut readiness = Readiness::default()
            .with("database", Arc::new(DatabaseCheck(Arc::clone(&self.store))))
            .with("recovery", Arc::clone(&self.ownership) as Arc<dyn Check>);
        for (name, check) in checks {
            readiness = readiness.with(name, check);
        }
        let readiness = Arc::new(readiness);
        let mut ops = TaskGroup::new("ops server");
        let listener = bind(self.config.ops.listen, "ops.listen").await?;
        tracing::info!("operators listening on http://{}", listener.local_addr()?);
        let router = ops::router(Arc::clone(&readiness), metrics, &self.config.ops.token);
        spawn_server(
            &mut ops,
            "the operators' listener",
            listener,
            router,
            ServerLimits { max_connections: 64, drain: Duration::from_secs(1), ..ServerLimits::named("ops") },
        );

        let held = tokio::select! {
            held = self.ownership.take(&self.store) => held,
            stopped = termination_signal() => return stopped.map(|()| None).map_err(Failure::from),
        };
        let hints = Wakeups::default();
        let journal = NotifyingJournal::new(Arc::clone(&self.store) as Arc<dyn Journal>, hints.clone());
        let engine =
            system::start(Arc::new(journal), Arc::clone(&self.clock), engine_config(&self.config)).await?;
        let payouts = engine.payouts().clone();
        let system = System {
            foundation: self,
            readiness,
            payouts,
            edges: TaskGroup::new("edges"),
            background: TaskGroup::new("background"),
            relays: TaskGroup::new("relays"),
            ops,
            engine,
            hints,
        };
        Ok(Some((system, held)))
    }
}

fn engine_config(config: &Config) -> ActorSystemConfig {
    ActorSystemConfig {
        supervisor: SupervisorConfig {
            max_live: config.actors.max_live,
            idle_after: Duration::from_secs(config.actors.idle_seconds),
            ended_after: Duration::from_secs(config.actors.ended_seconds),
            passivation_interval: Duration::from_secs(1),
            failure_limit: config.actors.failure_limit,
            quarantine: Duration::from_secs(config.actors.quarantine_seconds),
        },
        group_commit: GroupCommitConfig {
            max_in_flight: config.commit.at_once,
            max_batch: config.commit.max_batch,
        },
    }
}

async fn bind(address: SocketAddr, key: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address)
        .await
        .map_err(|error| format!("cannot listen on {key} {address}: {error}").into())
}

/// Serves on a listener for as long as the crew is not dismissed.
pub(super) fn spawn_server(
    crew: &mut TaskGroup,
    name: &'static str,
    listener: TcpListener,
    router: axum::Router,
    limits: ServerLimits,
) {
    crew.spawn(name, |mut stop| async move {
        if let Err(error) = http::serve(listener, router, limits, async move { stop.requested().await }).await
        {
            tracing::error!(%error, name, "the listener broke");
        }
    });
}

struct DatabaseCheck(Arc<dyn Store>);

#[async_trait::async_trait]
impl Check for DatabaseCheck {
    async fn check(&self) -> Result<(), String> {
        // The message may name hosts; operators have the log for that.
        self.0.ping().await.map_err(|_| "does not answer".to_owned())
    }
}

impl System {
    /// The desk that takes reports in from a bus.
    pub(super) fn desk(&self) -> ReportIntake {
        let Components { config, store, .. } = &self.foundation;
        let limits = ReportIntakeConfig {
            max_bytes: config.reports.max_bytes,
            park_for: Duration::from_secs(config.reports.park_seconds.into()),
        };
        ReportIntake::new(self.payouts.clone(), Arc::clone(store) as _, limits)
    }

    /// Starts the relay of one mode.
    pub(super) fn relay(&mut self, mode: Mode, publisher: Arc<dyn Publisher>) {
        let Components { config, store, clock, .. } = &self.foundation;
        let (name, hint) = match mode {
            Mode::Live => ("the live relay", &self.hints.live),
            Mode::Test => ("the sandbox relay", &self.hints.test),
        };
        let relay = Relay {
            mode,
            outbox: Arc::clone(store) as _,
            publisher,
            hint: Arc::clone(hint),
            clock: Arc::clone(clock),
            config: RelayConfig {
                batch: config.relay.batch,
                poll: Duration::from_millis(config.relay.poll_millis),
            },
        };
        self.relays.spawn(name, |stop| relay.run(stop));
    }

    /// Starts the simulator, rung by `planned`, reporting into `sink`.
    pub(super) fn simulator(&mut self, planned: Arc<Notify>, sink: Arc<dyn ReportSink>) {
        let Components { config, store, clock, .. } = &self.foundation;
        let simulator = Simulator {
            plans: Arc::clone(store) as _,
            planned,
            sink,
            clock: Arc::clone(clock),
            poll: Duration::from_millis(config.sandbox.poll_millis),
        };
        self.background.spawn("the simulator", |stop| simulator.run(stop));
    }

    /// Starts what works by itself on any bus: the sweep for lateness, the parking lot's attendant, the backlog's gauge.
    pub(super) fn upkeep(&mut self, letters: Arc<dyn DeadLetters>) {
        let Components { config, store, clock, .. } = &self.foundation;
        let (every, batch) = (Duration::from_millis(config.sweep.every_millis), config.sweep.batch);
        let (journal, payouts) = (Arc::clone(store) as Arc<dyn Journal>, self.payouts.clone());
        self.background.spawn("the sweep", |stop| keep_sweeping(journal, payouts, every, batch, stop));
        let attendant = ParkedReportWorker::new(
            self.payouts.clone(),
            Arc::clone(store) as _,
            letters,
            ParkedReportWorkerConfig::default(),
        );
        self.background.spawn("the parking attendant", |mut stop| async move {
            attendant.run(async move { stop.requested().await }).await;
        });
        let (outbox, clock) = (Arc::clone(store) as _, Arc::clone(clock));
        self.background.spawn("the backlog gauge", |stop| Relay::observe(outbox, clock, stop));
    }

    /// Runs until the process is asked to stop, then stops in order. An error where something died first.
    pub(super) async fn run(mut self, held: LeaseGuard) -> Result<(), Failure> {
        let Components { store, ownership, .. } = &self.foundation;
        let lease = lease::keep(Arc::clone(ownership), held, Arc::clone(store), self.payouts.clone());
        let end: Result<(), Failure> = tokio::select! {
            stopped = termination_signal() => stopped.map_err(Failure::from),
            why = lease => Err(why.into()),
            why = self.engine.exited() => Err(why.into()),
            why = self.edges.first_exit() => Err(why.into()),
            why = self.background.first_exit() => Err(why.into()),
            why = self.relays.first_exit() => Err(why.into()),
            why = self.ops.first_exit() => Err(why.into()),
        };
        if let Err(error) = &end {
            tracing::error!(%error, "a part of payoutd is gone; stopping");
        }
        self.stop().await;
        end
    }

    async fn stop(mut self) {
        let patience =
            Duration::from_secs(self.foundation.config.http.drain_seconds) + Duration::from_secs(5);
        self.readiness.drain();
        self.edges.shut_down(patience).await;
        self.background.shut_down(patience).await;
        if let Err(error) = self.engine.shutdown(patience).await {
            tracing::error!(%error, "the payouts did not stop in order");
        }
        self.relays.shut_down(patience).await;
        self.ops.shut_down(Duration::from_secs(2)).await;
        self.foundation.store.close().await;
        tracing::info!("stopped");
    }
}

async fn keep_sweeping(
    journal: Arc<dyn Journal>,
    payouts: PayoutsHandle,
    every: Duration,
    batch: u32,
    mut stop: Shutdown,
) {
    loop {
        tokio::select! {
            () = stop.requested() => return,
            () = tokio::time::sleep(every) => {}
        }
        if let Err(error) = sweep(&*journal, &payouts, batch).await {
            tracing::warn!(%error, "could not look for late payouts; trying again");
        }
    }
}

/// Starts logs and metrics, which there is only one of in a process.
pub(super) fn start_telemetry(config: &Config) -> Result<PrometheusHandle, Failure> {
    telemetry::start_logs(&config.log.filter, config.log.format)?;
    Ok(telemetry::start_metrics()?)
}
