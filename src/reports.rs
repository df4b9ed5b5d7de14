//! Reports of chain watchers: parsed, then recorded by the payout's actor, parked or dead-lettered. Independent of
//! AMQP.

mod dead_letter;
mod envelope;
mod incoming;
mod intake;
mod keyed_queue;
mod message;
mod parked_store;
mod parked_worker;
#[cfg(test)]
mod tests;
mod trace;

use async_trait::async_trait;

pub use dead_letter::{DeadLetter, DeadLetterReason, DeadLetters, Unreadable};
pub use envelope::{DEFAULT_MAX_BYTES, read};
pub use incoming::Incoming;
pub use intake::{Acknowledged, Disposition, ReportIntake, ReportIntakeConfig};
pub use keyed_queue::{KeyedQueue, QueueTicket};
pub use message::{CONTENT_TYPE, report_message};
pub use parked_store::{ParkedReport, ParkedReportStore};
pub use parked_worker::{ParkedReportWorker, ParkedReportWorkerConfig};
pub use trace::traceparent_in;

/// Checks whether the store answers. While it does not, no reports are received.
#[async_trait]
pub trait StoreProbe: Send + Sync + 'static {
    /// Whether the store answers now.
    async fn answers(&self) -> bool;
}
