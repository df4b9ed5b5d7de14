//! payoutd: a payout engine. One actor owns each stablecoin payout, from quote to delivered.
//!
//! The machine and the actors are the crate [`payoutd_actors`]; this crate is everything that touches the world.

pub mod amqp;
pub mod answers;
pub mod app;
pub mod cli;
pub mod config;
pub mod http;
pub mod intake;
pub mod keys;
pub mod listing;
pub mod ops;
pub mod quotes;
pub mod relay;
pub mod runtime;
pub mod sandbox;
pub mod store;
pub mod tracking;
pub mod webhooks;
pub mod wire;
