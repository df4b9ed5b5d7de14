//! payoutd: a payout engine. One actor owns each stablecoin payout, from quote to delivered.
//!
//! The machine and the actors are the crate [`payoutd_actors`]; this crate is everything that touches the world.

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
