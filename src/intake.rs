//! Reports from outside: read, handed to the payout's actor, parked or dead-lettered. Knows nothing of AMQP.

mod attendant;
mod dead_letter;
mod desk;
mod envelope;
mod message;
mod parking;
pub(crate) mod schema;
#[cfg(test)]
mod tests;
mod trace;
mod turns;

use async_trait::async_trait;

pub use attendant::{AttendantConfig, ParkingAttendant};
pub use dead_letter::{DeadLetter, DeadLetterReason, DeadLetters, Unreadable};
pub use desk::{Acknowledged, Desk, DeskConfig, Disposition};
pub use envelope::{DEFAULT_MAX_BYTES, Incoming, read};
pub use message::{CONTENT_TYPE, report_message};
pub use parking::{ParkedReport, ParkingLot};
pub use trace::traceparent_in;
pub use turns::{Turn, Turns};

/// Says whether the store can be asked at all, so that nobody fetches work that could not be recorded.
#[async_trait]
pub trait StoreProbe: Send + Sync + 'static {
    /// Whether the store answers now.
    async fn answers(&self) -> bool;
}
