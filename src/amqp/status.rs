//! What the consumer is up to, for readiness.

use std::sync::atomic::{AtomicU8, Ordering};

/// What the consumer is up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsumerState {
    /// There is no connection to the broker; it is trying to get one.
    Disconnected,
    /// The store does not answer, so nothing is fetched from the broker.
    WaitingForStore,
    /// Connected, and getting ready to consume.
    Connected,
    /// Reports are being consumed.
    Consuming,
    /// It is finishing what it has in hand, or has finished.
    Stopped,
}

impl ConsumerState {
    const ALL: [Self; 5] =
        [Self::Disconnected, Self::WaitingForStore, Self::Connected, Self::Consuming, Self::Stopped];

    /// The word for readiness answers and logs.
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

/// The consumer's state, shared with whoever asks.
#[derive(Debug, Default)]
pub struct ConsumerStatus(AtomicU8);

impl ConsumerStatus {
    /// What the consumer is up to now.
    #[must_use]
    pub fn state(&self) -> ConsumerState {
        let index = usize::from(self.0.load(Ordering::Relaxed));
        ConsumerState::ALL.get(index).copied().unwrap_or(ConsumerState::Disconnected)
    }

    /// Whether reports are being consumed.
    #[must_use]
    pub fn is_consuming(&self) -> bool {
        self.state() == ConsumerState::Consuming
    }

    pub(super) fn set(&self, state: ConsumerState) {
        let index = ConsumerState::ALL.iter().position(|known| *known == state).unwrap_or(0);
        let index = u8::try_from(index).unwrap_or(0);
        if self.0.swap(index, Ordering::Relaxed) != index {
            tracing::info!(state = state.as_str(), "the consumer of chain reports");
        }
    }
}
