//! Groups of long-running tasks.

use std::fmt::Display;
use std::time::Duration;

use tokio::task::{AbortHandle, Id, JoinError, JoinSet};

use super::shutdown::{Shutdown, ShutdownTrigger, shutdown_signal};

/// Tasks that run until the shutdown of their group. A task that exits earlier is an error that ends the process.
pub(crate) struct TaskGroup {
    name: &'static str,
    tasks: JoinSet<Result<(), String>>,
    handles: Vec<(&'static str, AbortHandle)>,
    trigger: ShutdownTrigger,
    shutdown: Shutdown,
}

/// A task exited although the shutdown of its group was not requested.
#[derive(Debug, thiserror::Error)]
#[error("the task \"{task}\" exited: {reason}")]
pub(crate) struct UnexpectedExit {
    task: &'static str,
    reason: String,
}

impl TaskGroup {
    pub(crate) fn new(name: &'static str) -> Self {
        let (trigger, shutdown) = shutdown_signal();
        Self { name, tasks: JoinSet::new(), handles: Vec::new(), trigger, shutdown }
    }

    /// Spawns a task that does not fail.
    pub(crate) fn spawn<F>(&mut self, task: &'static str, run: impl FnOnce(Shutdown) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let run = run(self.shutdown.clone());
        self.spawn_fallible(task, |_| async {
            run.await;
            Ok::<(), std::convert::Infallible>(())
        });
    }

    /// Spawns a task that may fail. Its error is the reason of the [`UnexpectedExit`].
    pub(crate) fn spawn_fallible<F, E>(&mut self, task: &'static str, run: impl FnOnce(Shutdown) -> F)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Display,
    {
        let run = run(self.shutdown.clone());
        let handle = self.tasks.spawn(async { run.await.map_err(|error| error.to_string()) });
        self.handles.push((task, handle));
    }

    /// The signal that every task of the group observes.
    pub(crate) fn shutdown_signal(&self) -> Shutdown {
        self.shutdown.clone()
    }

    /// Waits until a task exits. Never returns if the group is empty.
    pub(crate) async fn first_exit(&mut self) -> UnexpectedExit {
        let (id, reason) = match self.tasks.join_next_with_id().await {
            Some(Ok((id, Ok(())))) => (id, "it returned".to_owned()),
            Some(Ok((id, Err(error)))) => (id, error),
            Some(Err(error)) => (JoinError::id(&error), how_it_ended(&error).to_owned()),
            None => std::future::pending().await,
        };
        UnexpectedExit { task: self.task_name(id), reason }
    }

    fn task_name(&self, id: Id) -> &'static str {
        self.handles.iter().find(|(_, handle)| handle.id() == id).map_or("unknown", |(name, _)| name)
    }

    /// Requests the shutdown of every task and waits for all of them, at most for `deadline`.
    pub(crate) async fn shut_down(&mut self, deadline: Duration) {
        self.trigger.request();
        let all_exited = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(deadline, all_exited).await.is_err() {
            let running: Vec<&str> = self
                .handles
                .iter()
                .filter(|(_, handle)| !handle.is_finished())
                .map(|(name, _)| *name)
                .collect();
            tracing::warn!(group = self.name, ?running, ?deadline, "tasks did not stop within the deadline");
        }
    }

    #[cfg(test)]
    pub(crate) fn task_names(&self) -> Vec<&'static str> {
        self.handles.iter().map(|(name, _)| *name).collect()
    }

    /// Aborts a task, as a panic in it would. Returns whether the group has a task of that name.
    #[cfg(test)]
    pub(crate) fn abort(&self, task: &str) -> bool {
        let found = self.handles.iter().find(|(name, _)| *name == task);
        found.inspect(|(_, handle)| handle.abort()).is_some()
    }
}

fn how_it_ended(error: &JoinError) -> &'static str {
    if error.is_panic() { "it panicked" } else { "it was cancelled" }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn until_shutdown(mut shutdown: Shutdown) {
        shutdown.requested().await;
    }

    #[tokio::test]
    async fn the_first_exit_names_the_task_and_the_reason() {
        let exit = async |spawn: fn(&mut TaskGroup)| {
            let mut group = TaskGroup::new("test");
            group.spawn("other", until_shutdown);
            spawn(&mut group);
            group.first_exit().await.to_string()
        };
        assert_eq!(
            exit(|group| group.spawn("worker", |_| async {})).await,
            r#"the task "worker" exited: it returned"#
        );
        let failing =
            |group: &mut TaskGroup| group.spawn_fallible("worker", |_| async { Err("out of sockets") });
        assert_eq!(exit(failing).await, r#"the task "worker" exited: out of sockets"#);
        let panicking = |group: &mut TaskGroup| group.spawn("worker", |_| async { panic!("planned") });
        assert_eq!(exit(panicking).await, r#"the task "worker" exited: it panicked"#);
        let aborted = |group: &mut TaskGroup| {
            group.spawn("worker", until_shutdown);
            assert!(group.abort("worker"));
        };
        assert_eq!(exit(aborted).await, r#"the task "worker" exited: it was cancelled"#);
    }

    #[tokio::test(start_paused = true)]
    async fn shutdown_waits_for_every_task_up_to_the_deadline() {
        let mut group = TaskGroup::new("test");
        group.spawn("prompt", until_shutdown);
        assert_eq!(group.task_names(), ["prompt"]);
        group.shut_down(Duration::from_secs(5)).await;
        assert!(group.tasks.is_empty());
        group.spawn("stuck", |_| std::future::pending());
        let began = tokio::time::Instant::now();
        group.shut_down(Duration::from_secs(5)).await;
        assert_eq!(began.elapsed(), Duration::from_secs(5));
    }
}
