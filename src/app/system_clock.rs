//! The clock of the operating system.

use payoutd_actors::ports::Clock;
use payoutd_domain::Timestamp;
use time::OffsetDateTime;

#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl SystemClock {
    /// The current time. The epoch if the clock is outside the years 1970 to 9999, so that every deadline passes late.
    #[must_use]
    pub fn read() -> Timestamp {
        OffsetDateTime::now_utc().try_into().unwrap_or(Timestamp::EPOCH)
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Self::read()
    }
}
