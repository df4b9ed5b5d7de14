//! The system's clock.

use payoutd_actors::ports::Clock;
use payoutd_domain::Timestamp;
use time::OffsetDateTime;

/// Tells the system's time.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl SystemClock {
    /// The system's time now.
    #[must_use]
    pub fn read() -> Timestamp {
        // A clock outside the years 1970 to 9999 is one we cannot work with; the epoch makes every deadline pass late.
        OffsetDateTime::now_utc().try_into().unwrap_or(Timestamp::EPOCH)
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Self::read()
    }
}
