//! Building blocks of long-running services: task groups, graceful shutdown, retention, limits, logs and metrics.
//!
//! No module of this folder depends on a service.

pub mod backoff;
pub mod detached;
pub mod keyed_permits;
pub mod rate_limit;
pub mod retention;
pub mod shutdown;
pub mod task_group;
pub mod telemetry;
pub(crate) mod unique_json;
