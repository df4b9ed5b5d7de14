//! Middleware of every request: its context, id, metrics, log line and deadline, and the form of errors.

pub(in crate::http) mod deadline;
pub(in crate::http) mod finalize;
mod observation;
pub(in crate::http) mod rate_limit;
pub(in crate::http) mod request_context;
mod request_id;
pub(in crate::http) mod request_metrics;
pub(in crate::http) mod request_scope;
