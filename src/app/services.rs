//! The services that run on any message bus: relays, the simulator and periodic work.

use std::sync::Arc;
use std::time::Duration;

use payoutd_actors::ports::Journal;
use payoutd_domain::Mode;
use tokio::sync::Notify;

use super::components::Components;
use super::lifecycle::Application;
use super::overdue_sweep::OverdueSweep;
use super::settings::{relay_config, report_intake_config};
use crate::outbox::{Publisher, Relay};
use crate::reports::{DeadLetters, ParkedReportWorker, ParkedReportWorkerConfig, ReportIntake};
use crate::sandbox::{ReportSink, Simulator};

impl Application {
    pub(super) fn report_intake(&self) -> ReportIntake {
        let Components { config, store, .. } = &self.components;
        ReportIntake::new(self.payouts.clone(), Arc::clone(store) as _, report_intake_config(&config.reports))
    }

    pub(super) fn spawn_relay(&mut self, mode: Mode, publisher: Arc<dyn Publisher>) {
        let Components { config, store, .. } = &self.components;
        let (task, wakeup) = match mode {
            Mode::Live => ("live relay", &self.wakeups.live),
            Mode::Test => ("sandbox relay", &self.wakeups.test),
        };
        let relay = Relay {
            mode,
            outbox: Arc::clone(store) as _,
            publisher,
            wakeup: Arc::clone(wakeup),
            config: relay_config(&config.relay),
        };
        self.senders.spawn(task, |shutdown| relay.run(shutdown));
    }

    /// Spawns the simulator. `planned` wakes it when there are new planned reports, and `sink` receives due ones.
    pub(super) fn spawn_simulator(&mut self, planned: Arc<Notify>, sink: Arc<dyn ReportSink>) {
        let Components { config, store, clock, .. } = &self.components;
        let simulator = Simulator {
            plans: Arc::clone(store) as _,
            planned,
            sink,
            clock: Arc::clone(clock),
            poll: Duration::from_millis(config.sandbox.poll_millis),
        };
        self.background.spawn("simulator", |shutdown| simulator.run(shutdown));
    }

    /// Spawns the overdue sweep, the parked report worker and the backlog gauge.
    pub(super) fn spawn_periodic_work(&mut self, dead_letters: Arc<dyn DeadLetters>) {
        let Components { config, store, clock, .. } = &self.components;
        let sweep = OverdueSweep {
            journal: Arc::clone(store) as Arc<dyn Journal>,
            payouts: self.payouts.clone(),
            interval: Duration::from_millis(config.sweep.every_millis),
            batch: config.sweep.batch,
        };
        self.background.spawn("overdue sweep", |shutdown| sweep.run(shutdown));
        let worker = ParkedReportWorker::new(
            self.payouts.clone(),
            Arc::clone(store) as _,
            dead_letters,
            ParkedReportWorkerConfig::default(),
        );
        self.background.spawn("parked report worker", |shutdown| worker.run(shutdown));
        let (outbox, clock) = (Arc::clone(store) as _, Arc::clone(clock));
        self.background.spawn("backlog gauge", |shutdown| Relay::observe(outbox, clock, shutdown));
    }
}
