//! The limits of a supervisor.

use std::time::Duration;

/// The limits of a supervisor.
#[derive(Debug, Clone, Copy)]
pub struct SupervisorConfig {
    /// The number of live actors above which the least recently used are stopped. Actors that have messages to process
    /// may exceed it for a short time.
    pub max_live: usize,
    /// The time after its last message at which an actor is stopped.
    pub idle_after: Duration,
    /// The same time for an actor whose payout is in an end state.
    pub ended_after: Duration,
    /// The interval at which the supervisor looks for actors to stop.
    pub passivation_interval: Duration,
    /// The number of consecutive failures after which a payout is quarantined.
    pub failure_limit: u32,
    /// The duration of a quarantine.
    pub quarantine: Duration,
}
