//! payoutd: a payout engine. One actor owns each stablecoin payout, from quote to delivered.
//!
//! The state machine is the crate [`payoutd_domain`], and the actors are the crate [`payoutd_actors`]. This crate
//! contains the services, their edges (HTTP, AMQP, the databases) and the program.

pub mod amqp;
pub mod api_keys;
pub mod app;
pub mod cli;
pub mod config;
pub(crate) mod contracts;
pub mod http;
pub mod idempotency;
pub mod ops;
pub mod outbox;
pub mod payout_query;
pub mod quotes;
pub mod reports;
pub mod runtime;
pub mod sandbox;
pub mod store;
pub mod tracking;
pub mod webhooks;
pub mod wire;
