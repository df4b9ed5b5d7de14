//! The whole edge over a memory journal: with requests handed to the router, and over real sockets.

mod auth;
mod errors;
mod idempotency;
mod limits;
mod observed;
mod payouts;
mod quotes;
mod server;
mod webhooks;
mod world;
