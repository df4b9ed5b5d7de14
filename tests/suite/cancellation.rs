//! Cancellation: a client that disconnects, or a time limit, drops the future of a request at one of its await points.
//!
//! Each test drops a future at each of its await points, over a real database. After each drop:
//!
//! - no connection is left in a transaction (I12),
//! - the repeated call gets a correct response,
//! - no effect is duplicated or partial (I1, I2, I4, I5),
//! - the payout can continue to its final state.
//!
//! The tests poll the futures themselves. They drop a future both right after a poll and after the wake-up for the next
//! poll. They repeat the call both immediately, while spawned work of the dropped call may continue, and later.

mod await_points;
mod background;
mod connections;
mod creations;
mod in_process_app;
mod ports;
mod quotes;
mod reads;
mod reports;
mod requests;
mod waiting;
mod webhooks;

use in_process_app::InProcessApp;

macro_rules! tests {
    ($($name:ident: $operations:ident,)+) => {
        mod postgres {
            use super::InProcessApp;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$operations::are_cancellable(&InProcessApp::postgres().await).await;
            })+

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn acquiring_a_connection_is_cancellable() {
                super::connections::are_cancellable(&InProcessApp::postgres().await).await;
            }
        }
        mod sqlite {
            use super::InProcessApp;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$operations::are_cancellable(&InProcessApp::sqlite().await).await;
            })+
        }
    };
}

tests! {
    background_services_are_cancellable: background,
    long_polls_and_streams_are_cancellable: waiting,
    payout_creations_are_cancellable: creations,
    quote_requests_are_cancellable: quotes,
    reads_are_cancellable: reads,
    reports_are_cancellable: reports,
    services_and_ports_are_cancellable: ports,
    webhook_requests_are_cancellable: webhooks,
}
