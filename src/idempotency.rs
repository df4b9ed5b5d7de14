//! Idempotency records: the stored responses of requests that carry an `Idempotency-Key`.
//!
//! If a response reports a write, its record is committed with that write: [`Journal::create`] and the store traits of
//! the services take a record next to their own data. If the response reports no write, or a write that is safe to
//! repeat, the record is stored through [`IdempotencyStore`] before the response is sent.
//!
//! [`Journal::create`]: payoutd_actors::ports::Journal::create

mod in_flight;
mod service;
mod store;

pub use service::Idempotency;
pub(crate) use service::{ClaimError, IdempotencyContext};
pub use store::{IdempotencyStore, RecordFor, no_record};
