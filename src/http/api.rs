//! The partner API.

mod body_cache;
mod caller;
mod idempotent_execution;
pub(in crate::http) mod long_poll_limit;
pub(in crate::http) mod payouts;
mod post_request;
mod post_response;
mod quotes;
mod request_task;
pub(in crate::http) mod router;
pub(in crate::http) mod state;
pub(in crate::http) mod webhooks;
