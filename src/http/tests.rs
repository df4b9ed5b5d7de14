//! The whole edge over a memory journal: with requests handed to the router, and over real sockets.

mod auth;
mod errors;
mod events;
mod idempotency;
mod limits;
mod listing;
mod observed;
mod openapi;
mod payouts;
mod quotes;
mod server;
mod waiting;
mod webhooks;
mod world;
