//! The running application: its start, its tasks and its shutdown.
//!
//! Every task that runs as long as the process belongs to a [`TaskGroup`] or to the [`ActorSystem`]. If one exits
//! early, [`Application::run`] shuts the rest down and returns an error that names it. `tests.rs` lists these tasks.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use metrics_exporter_prometheus::PrometheusHandle;
use payoutd_actors::handle::PayoutsHandle;
use payoutd_actors::ports::Journal;
use payoutd_actors::system::{self, ActorSystem};
use tokio::net::TcpListener;

use super::components::{Components, bind};
use super::error::AppError;
use super::lease::{LeaseRenewal, acquire_lease};
use super::metric_descriptions::describe_metrics;
use super::settings::{actor_system_config, ops_server_limits};
use crate::config;
use crate::http::{HttpServer, ServerLimits};
use crate::ops::{self, Check, Readiness};
use crate::outbox::{NotifyingJournal, Wakeups};
use crate::runtime::shutdown::TerminationSignals;
use crate::runtime::task_group::TaskGroup;
use crate::runtime::telemetry;
use crate::store::Store;

/// The time that a group of tasks has to stop after the drain time of its connections.
const STOP_MARGIN: Duration = Duration::from_secs(5);
const OPS_STOP_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) struct Application {
    pub(super) components: Components,
    pub(super) payouts: PayoutsHandle,
    pub(super) wakeups: Wakeups,
    /// Tasks that accept requests and reports. Shut down first.
    pub(super) edges: TaskGroup,
    /// Tasks that work without a request. Shut down second.
    pub(super) background: TaskGroup,
    /// Shut down third: it commits the writes that the edges accepted.
    actors: ActorSystem,
    /// Tasks that send committed changes. Shut down fourth.
    pub(super) senders: TaskGroup,
    /// The lease renewal. Shut down fifth, so that no other process writes before this one has stopped.
    lease: TaskGroup,
    /// The ops server. Shut down last.
    ops: TaskGroup,
    readiness: Arc<Readiness>,
    signals: TerminationSignals,
}

impl Application {
    /// Starts the ops server, waits for the lease on the database and starts the actor system. Returns `None` if the
    /// process is asked to stop in the meantime.
    pub(super) async fn start(
        components: Components,
        metrics: PrometheusHandle,
        checks: Vec<(&'static str, Arc<dyn Check>)>,
    ) -> Result<Option<Self>, AppError> {
        let mut signals = TerminationSignals::install()?;
        let Components { config, store, clock, lease_status, .. } = &components;
        let mut readiness = Readiness::default()
            .with("database", Arc::new(StoreCheck(Arc::clone(store))))
            .with("recovery", Arc::clone(lease_status) as _);
        for (name, check) in checks {
            readiness = readiness.with(name, check);
        }
        let readiness = Arc::new(readiness);
        let mut ops = TaskGroup::new("ops");
        spawn_ops_server(&mut ops, &config.ops, &readiness, metrics).await?;

        let guard = tokio::select! {
            guard = acquire_lease(&**store, lease_status) => guard,
            () = signals.received() => return Ok(None),
            exit = ops.first_exit() => return Err(exit.into()),
        };
        let wakeups = Wakeups::default();
        let journal = NotifyingJournal::new(Arc::clone(store) as Arc<dyn Journal>, wakeups.clone());
        let actors = system::start(Arc::new(journal), Arc::clone(clock), actor_system_config(config)).await?;
        let payouts = actors.payouts().clone();
        let renewal = LeaseRenewal {
            guard,
            status: Arc::clone(lease_status),
            store: Arc::clone(store),
            payouts: payouts.clone(),
        };
        let mut lease = TaskGroup::new("lease");
        lease.spawn_fallible("lease renewal", |shutdown| renewal.run(shutdown));
        Ok(Some(Self {
            components,
            payouts,
            wakeups,
            edges: TaskGroup::new("edges"),
            background: TaskGroup::new("background"),
            actors,
            senders: TaskGroup::new("senders"),
            lease,
            ops,
            readiness,
            signals,
        }))
    }

    /// Runs until the process is asked to stop or a task exits, then shuts down in order.
    ///
    /// # Errors
    /// Returns an error that names the task if a task exits first.
    pub(super) async fn run(mut self) -> Result<(), AppError> {
        let result = tokio::select! {
            () = self.signals.received() => Ok(()),
            reason = self.actors.exited() => Err(AppError::ActorSystemExit(reason)),
            exit = self.edges.first_exit() => Err(exit.into()),
            exit = self.background.first_exit() => Err(exit.into()),
            exit = self.senders.first_exit() => Err(exit.into()),
            exit = self.lease.first_exit() => Err(exit.into()),
            exit = self.ops.first_exit() => Err(exit.into()),
        };
        if let Err(error) = &result {
            tracing::error!(%error, "shutting down because of an error");
        }
        self.shut_down().await;
        result
    }

    async fn shut_down(mut self) {
        let config::Config { http, amqp, .. } = &self.components.config;
        let deadline = Duration::from_secs(http.drain_seconds.max(amqp.drain_seconds)) + STOP_MARGIN;
        self.readiness.drain();
        self.edges.shut_down(deadline).await;
        self.background.shut_down(deadline).await;
        if let Err(error) = self.actors.shutdown(deadline).await {
            tracing::error!(%error, "the actor system did not shut down in order");
        }
        self.senders.shut_down(deadline).await;
        self.lease.shut_down(deadline).await;
        self.ops.shut_down(OPS_STOP_TIMEOUT).await;
        self.components.store.close().await;
        tracing::info!("stopped");
    }

    #[cfg(test)]
    fn groups(&self) -> [&TaskGroup; 5] {
        [&self.edges, &self.background, &self.senders, &self.lease, &self.ops]
    }

    #[cfg(test)]
    pub(super) fn task_names(&self) -> Vec<&'static str> {
        self.groups().into_iter().flat_map(TaskGroup::task_names).collect()
    }

    /// Aborts the task of that name.
    #[cfg(test)]
    pub(super) fn abort(&self, task: &str) {
        assert!(self.groups().into_iter().any(|group| group.abort(task)), "no task is named {task}");
    }

    #[cfg(test)]
    pub(super) fn actors(&mut self) -> &mut ActorSystem {
        &mut self.actors
    }
}

async fn spawn_ops_server(
    group: &mut TaskGroup,
    config: &config::Ops,
    readiness: &Arc<Readiness>,
    metrics: PrometheusHandle,
) -> Result<(), AppError> {
    let listener = bind("ops.listen", config.listen).await?;
    tracing::info!("operators listening on http://{}", listener.local_addr()?);
    let router = ops::router(Arc::clone(readiness), metrics, &config.token);
    spawn_server(group, "ops server", listener, router, ops_server_limits());
    Ok(())
}

/// Spawns a task that serves `router` until the shutdown of the group.
pub(super) fn spawn_server(
    group: &mut TaskGroup,
    task: &'static str,
    listener: TcpListener,
    router: Router,
    limits: ServerLimits,
) {
    group.spawn_fallible(task, |shutdown| HttpServer::new(listener, router, limits).run(shutdown));
}

struct StoreCheck(Arc<dyn Store>);

#[async_trait::async_trait]
impl Check for StoreCheck {
    async fn check(&self) -> Result<(), String> {
        // The error may contain host names, and anyone who reaches /readyz can read the response.
        self.0.ping().await.map_err(|_| "does not answer".to_owned())
    }
}

/// Starts the logs and the metrics of the process.
pub(super) fn start_telemetry(config: &config::Log) -> Result<PrometheusHandle, AppError> {
    telemetry::start_logs(&config.filter, config.format)?;
    let metrics = telemetry::start_metrics()?;
    describe_metrics();
    Ok(metrics)
}
