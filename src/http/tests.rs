//! Tests of the HTTP edge over a memory journal. Most pass requests to the router; those of the server use sockets.

mod auth;
mod errors;
mod events;
mod fakes;
mod idempotency;
mod lists;
mod long_polls;
mod observability;
mod openapi;
mod payouts;
mod quotes;
mod rate_limits;
mod server;
mod test_app;
mod webhooks;
