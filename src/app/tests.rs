//! The application, started like `payoutd serve` and `payoutd dev` start it.

use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tempfile::TempDir;

use super::error::AppError;
use super::lifecycle::Application;
use super::{dev, serve};
use crate::config::Config;

/// The tasks that run as long as `payoutd serve`. `payoutd dev` has no AMQP consumer.
///
/// Others belong to a service that observes their exit:
/// - the supervisor and the group commit queues to the actor system, whose exit ends the process as well;
/// - maintenance to the webhook dispatcher, which then exits;
/// - the acknowledger to a session of the AMQP consumer, which then opens another session;
/// - the task that keeps the lease on PostgreSQL to the lease renewal, which then acquires the lease again.
const TASKS: [&str; 13] = [
    "AMQP consumer",
    "HTTP server",
    "backlog gauge",
    "idempotency record retention",
    "lease renewal",
    "live relay",
    "ops server",
    "overdue sweep",
    "parked report worker",
    "quote retention",
    "sandbox relay",
    "simulator",
    "webhook dispatcher",
];

fn config(directory: &TempDir) -> Config {
    let database = format!("sqlite:{}", directory.path().join("payoutd.sqlite").display());
    let variables = [
        ("DATABASE_URL", database.as_str()),
        // Nobody listens on this port: the consumer and the live relay keep connecting.
        ("AMQP_URL", "amqp://127.0.0.1:1"),
        ("PAYOUTD_HTTP__LISTEN", "127.0.0.1:0"),
        ("PAYOUTD_OPS__LISTEN", "127.0.0.1:0"),
    ];
    Config::from_environment(variables.map(|(name, value)| (name.to_owned(), value.to_owned()))).unwrap()
}

fn metrics() -> PrometheusHandle {
    PrometheusBuilder::new().build_recorder().handle()
}

async fn serving(directory: &TempDir) -> Application {
    serve::start(config(directory), metrics()).await.unwrap().expect("no stop was requested")
}

async fn error_of(application: Application) -> AppError {
    let result = tokio::time::timeout(Duration::from_secs(30), application.run()).await;
    result.expect("the application stops").expect_err("the application stops with an error")
}

#[tokio::test]
async fn the_tasks_of_the_process_are_these() {
    let directory = TempDir::new().unwrap();
    let mut tasks = serving(&directory).await.task_names();
    tasks.sort_unstable();
    assert_eq!(tasks, TASKS);

    let directory = TempDir::new().unwrap();
    let data = directory.path().join("dev.sqlite");
    let dev = dev::start(config(&directory), &data, metrics()).await.unwrap().expect("no stop was requested");
    let mut tasks = dev.application.task_names();
    tasks.sort_unstable();
    let without_broker: Vec<&str> = TASKS.into_iter().filter(|task| *task != "AMQP consumer").collect();
    assert_eq!(tasks, without_broker);
}

#[tokio::test]
async fn the_exit_of_any_task_ends_the_process_with_an_error_that_names_it() {
    for task in TASKS {
        let directory = TempDir::new().unwrap();
        let application = serving(&directory).await;
        application.abort(task);
        let error = error_of(application).await;
        assert_eq!(error.to_string(), format!("the task \"{task}\" exited: it was cancelled"));
    }
}

#[tokio::test]
async fn the_exit_of_a_task_of_the_actor_system_ends_the_process_with_an_error_that_names_it() {
    let directory = TempDir::new().unwrap();
    let mut application = serving(&directory).await;
    application.actors().abort_supervisor();
    let error = error_of(application).await.to_string();
    assert!(error.contains("supervisor"), "{error}");

    let directory = TempDir::new().unwrap();
    let mut application = serving(&directory).await;
    application.actors().abort_commit_queues();
    let error = error_of(application).await.to_string();
    assert!(error.contains("commit queue"), "{error}");
}
