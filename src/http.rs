//! The partner HTTP edge: a server that slow, many and vanishing clients cannot exhaust, and the API on it.
//!
//! The edge knows the payouts' handle and a few small ports ([`Quoting`], [`CreatedFrom`], the key store); it knows
//! nothing of SQL or AMQP. Every answer passes the [envelope](envelope), which names the request, counts it, and
//! makes every error a problem document.

mod auth;
mod base_path;
mod body;
mod conditional;
mod connection;
mod envelope;
mod idempotency;
mod json;
mod key_cache;
mod payouts;
mod ports;
mod problem;
mod quotes;
mod request_id;
mod router;
mod server;
mod timed_stream;
mod trace_context;
mod tracking;

pub use auth::{Authenticator, Principal};
pub use base_path::{BasePath, InvalidBasePath};
pub use key_cache::KeyCacheConfig;
pub use ports::{CreatedFrom, Offer, OpenError, QuoteError, QuoteRequest, Quoting};
pub use problem::{Code, Problem};
pub use router::{EdgeConfig, EdgeParts, router};
pub use server::{ServerLimits, serve};
pub use tracking::{TrackingConfig, TrackingParts, tracking_router};
