//! What every long-running service needs: task groups, the stop signal, retention, limits, logs and metrics.
//!
//! Nothing in here knows payouts.

pub mod backoff;
pub mod detached;
pub mod keyed_permits;
pub mod rate_limit;
pub mod retention;
pub mod shutdown;
pub mod task_group;
pub mod telemetry;
