use std::sync::Arc;
use std::time::Duration;

use payoutd_actors::testing::{ManualClock, MemoryJournal, sample};
use tokio::task::JoinHandle;

use super::maintenance::GAUGE_INTERVAL;
use super::*;
use crate::runtime::shutdown::{ShutdownTrigger, shutdown_signal};
use crate::webhooks::Policy;
use crate::webhooks::testing::{MemoryWebhookStore, transport};
use crate::wire::Renderer;

type Run = JoinHandle<Result<(), MaintenanceExited>>;

fn start(store: &MemoryWebhookStore) -> (ShutdownTrigger, Run) {
    let options = DispatcherOptions {
        store: Arc::new(store.clone()),
        journal: Arc::new(MemoryJournal::default()),
        transport: Arc::new(transport(Policy::default())),
        renderer: Renderer::new("https://pay.example"),
        clock: Arc::new(ManualClock::at(sample::at(0))),
        wakeup: Arc::default(),
        limits: DispatcherLimits::DEFAULT,
    };
    let (trigger, shutdown) = shutdown_signal();
    (trigger, tokio::spawn(Dispatcher::new(options).run(shutdown)))
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_maintenance_task_ends_the_dispatcher_with_an_error() {
    let store = MemoryWebhookStore::with_records_in(MemoryJournal::default());
    let (_trigger, run) = start(&store);
    tokio::time::sleep(2 * GAUGE_INTERVAL).await;
    assert!(!run.is_finished());
    store.panic_in_backlog();
    let exit = tokio::time::timeout(2 * GAUGE_INTERVAL, run).await.unwrap().unwrap();
    assert!(exit.unwrap_err().to_string().contains("panicked"));
}

#[tokio::test(start_paused = true)]
async fn the_dispatcher_and_its_maintenance_task_end_without_error_at_shutdown() {
    let store = MemoryWebhookStore::with_records_in(MemoryJournal::default());
    let (trigger, run) = start(&store);
    tokio::time::sleep(GAUGE_INTERVAL).await;
    trigger.request();
    assert!(tokio::time::timeout(Duration::from_secs(1), run).await.unwrap().unwrap().is_ok());
}
