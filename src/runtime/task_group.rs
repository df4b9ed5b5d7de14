//! Tasks that must not end before they are asked to.

use std::collections::HashMap;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};

use crate::runtime::shutdown::{Shutdown, ShutdownTrigger, shutdown_signal, within};

/// Tasks that are asked to stop together. One that ends before that has died, and the process with it.
pub(crate) struct TaskGroup {
    tasks: JoinSet<()>,
    names: HashMap<Id, &'static str>,
    stopper: ShutdownTrigger,
    stop: Shutdown,
}

impl TaskGroup {
    pub(crate) fn new() -> Self {
        let (stopper, stop) = shutdown_signal();
        Self { tasks: JoinSet::new(), names: HashMap::new(), stopper, stop }
    }

    /// Starts a task, which is handed what tells it to stop.
    pub(crate) fn spawn<F>(&mut self, name: &'static str, work: impl FnOnce(Shutdown) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let handle = self.tasks.spawn(work(self.stop.clone()));
        self.names.insert(handle.id(), name);
    }

    /// What tells this crew to stop.
    pub(crate) fn stop(&self) -> Shutdown {
        self.stop.clone()
    }

    /// Waits until a task ends, and says which and how. Never returns while there is none.
    pub(crate) async fn first_exit(&mut self) -> String {
        match self.tasks.join_next_with_id().await {
            Some(Ok((id, ()))) => format!("{} ended", self.name(id)),
            Some(Err(error)) => format!("{} died: {error}", self.name(JoinError::id(&error))),
            None => std::future::pending().await,
        }
    }

    fn name(&self, id: Id) -> &'static str {
        self.names.get(&id).copied().unwrap_or("a task")
    }

    /// Asks every task to stop and waits for them, up to `patience`.
    pub(crate) async fn shut_down(&mut self, what: &str, patience: Duration) {
        self.stopper.stop();
        within(patience, what, async { while self.tasks.join_next().await.is_some() {} }).await;
    }
}
