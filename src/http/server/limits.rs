//! Limits per listener.

use std::time::Duration;

#[derive(Debug, Clone, Copy)]
pub struct ServerLimits {
    /// The listener's name in logs and metrics.
    pub name: &'static str,
    /// The maximum number of open connections. Further ones wait in the kernel's accept queue.
    pub max_connections: usize,
    /// The time limit for a request's head, counted from its first byte, and for the first byte on a new connection.
    pub header_read: Duration,
    /// The time limit for an idle connection between two requests.
    pub idle: Duration,
    /// The time limit for a write that makes no progress because the client does not read.
    pub write_stall: Duration,
    /// The time limit for open requests after the server starts to shut down.
    pub drain: Duration,
}

impl ServerLimits {
    /// The default limits for the listener with this name.
    #[must_use]
    pub fn named(name: &'static str) -> Self {
        Self {
            name,
            max_connections: 4_096,
            header_read: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            write_stall: Duration::from_secs(30),
            drain: Duration::from_secs(10),
        }
    }
}
