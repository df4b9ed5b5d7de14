//! The state of the consumer, for readiness checks.

use std::sync::atomic::{AtomicU8, Ordering};

/// The state of the consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsumerState {
    /// Not connected to the broker. The consumer reconnects.
    Disconnected,
    /// The store does not answer, so the consumer receives nothing from the broker.
    WaitingForStore,
    /// Connected, and declaring the topology.
    Connected,
    /// The consumer receives reports.
    Consuming,
    /// The consumer finishes the deliveries it has received, or has finished.
    Stopped,
}

impl ConsumerState {
    const ALL: [Self; 5] =
        [Self::Disconnected, Self::WaitingForStore, Self::Connected, Self::Consuming, Self::Stopped];

    /// The name in readiness responses and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disconnected => "disconnected",
            Self::WaitingForStore => "waiting_for_store",
            Self::Connected => "connected",
            Self::Consuming => "consuming",
            Self::Stopped => "stopped",
        }
    }
}

/// The consumer's current state, shared with the readiness check.
#[derive(Debug, Default)]
pub struct ConsumerStatus(AtomicU8);

impl ConsumerStatus {
    /// The current state.
    #[must_use]
    pub fn state(&self) -> ConsumerState {
        let index = usize::from(self.0.load(Ordering::Relaxed));
        ConsumerState::ALL.get(index).copied().unwrap_or(ConsumerState::Disconnected)
    }

    /// Whether the consumer receives reports.
    #[must_use]
    pub fn is_consuming(&self) -> bool {
        self.state() == ConsumerState::Consuming
    }

    pub(super) fn set(&self, state: ConsumerState) {
        let index = ConsumerState::ALL.iter().position(|known| *known == state).unwrap_or(0);
        let index = u8::try_from(index).unwrap_or(0);
        if self.0.swap(index, Ordering::Relaxed) != index {
            tracing::info!(state = state.as_str(), "the consumer of chain reports changed its state");
        }
    }
}
