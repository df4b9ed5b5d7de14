//! The integration tests, in one binary: the tests of single components with real servers, and the end-to-end tests (`e2e_*`),
//! which start the program with PostgreSQL and RabbitMQ and use only its public interfaces. `scripts/test` runs them and
//! provides the servers.

#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

#[path = "../support/mod.rs"]
mod support;

mod amqp;
mod architecture;
mod cancellation;
mod documentation;
mod e2e_command_line;
mod e2e_dead_letters;
mod e2e_happy_path;
mod e2e_idempotency;
mod e2e_isolation;
mod e2e_listing;
mod e2e_operators;
mod e2e_outgoing;
mod e2e_own_servers;
mod e2e_parked;
mod e2e_quotes;
mod e2e_reports;
mod e2e_restarts;
mod e2e_sandbox;
mod e2e_waiting;
mod e2e_webhooks;
mod guides;
mod relay_simulation;
mod schemathesis;
mod store;
mod tracking;
mod webhooks;
