//! The partner HTTP edge: a server that slow, many and vanishing clients cannot exhaust, and the API on it.
//!
//! The edge knows the payouts' handle and a few small ports ([`Quotes`], [`QuoteUsage`], the key store); it knows
//! nothing of SQL or AMQP. Every answer passes one envelope, which names the request, counts it, and makes every
//! error a problem document. Only what is not HTTP at all, or has too large a head, never gets there: hyper refuses
//! it with a bare status.

mod auth;
mod base_path;
mod body;
mod conditional;
mod connection;
mod docs;
mod envelope;
mod event_stream;
mod idempotency;
mod json;
mod key_cache;
mod limits;
mod meters;
mod openapi;
mod payouts;
mod ports;
mod problem;
mod query;
mod quotes;
#[doc(hidden)]
pub mod readers;
mod request_id;
mod router;
mod server;
mod timed_stream;
mod trace_context;
mod tracking;
mod waiting;
mod webhooks;

pub use auth::{Authenticator, Principal};
pub use base_path::{BasePath, InvalidBasePath};
pub use docs::{DocsParts, docs_router};
pub use idempotency::Idempotency;
pub use key_cache::KeyCacheConfig;
pub use limits::{Limits, LimitsConfig};
pub use openapi::openapi;
pub use ports::{QuoteUsage, Quotes};
pub use problem::{Code, Problem};
pub use router::{ApiConfig, ApiDependencies, router};
pub use server::{ServerLimits, serve};
pub use waiting::{Waiting, WaitingConfig};

#[cfg(test)]
mod tests;
pub use tracking::{TrackingConfig, TrackingParts, tracking_router};
