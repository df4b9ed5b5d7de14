//! Parts of requests: authentication, headers, queries and bodies.

pub(in crate::http) mod auth;
pub(in crate::http) mod body;
pub(in crate::http) mod idempotency_key;
pub(in crate::http) mod json;
pub(in crate::http) mod key_cache;
pub(in crate::http) mod payout_id;
pub(in crate::http) mod query;
pub(in crate::http) mod trace_context;
