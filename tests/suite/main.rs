//! The integration tests, in one binary: the stores against real databases, and the whole, the real program between a real
//! PostgreSQL and a real RabbitMQ, reached only as partners, chain watchers and operators reach it. `scripts/test` runs
//! them with everything they need.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

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
