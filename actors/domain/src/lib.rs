//! The payout state machine: synchronous and pure. It has no clock, generates no ids, does no I/O and writes no log.
//!
//! A payout changes in three steps: [`Payout::decide`] decides what a report changes, the caller commits the resulting
//! [`Entry`], and [`Payout::apply`] applies it. A payout is restored by the replay of its journal.

#![warn(missing_docs)]

mod account;
mod address_family;
mod broadcast;
mod change;
mod decision;
mod delivered;
mod estimate;
mod event;
mod facts;
mod failed;
mod id;
mod money;
mod payout;
mod pending;
mod report;
mod snapshot;
mod state;
mod status;
mod terms;
mod timestamp;
mod transition;

pub use account::Account;
pub use address_family::AddressFamily;
pub use broadcast::MAX_TRANSACTIONS;
pub use change::{Change, ChangeKind};
pub use decision::{Cause, Decision, Entry, Outcome, Refusal, Unchanged};
pub use estimate::{CLOCK_TOLERANCE_SECONDS, Due, Estimate, remaining_seconds, report_time};
pub use event::{Event, Failure, IllegalEvent};
pub use facts::Facts;
pub use id::{InvalidId, Mode, OrgId, PayoutId, QuoteId, Sequence, TrackingToken, Version};
pub use money::{Amount, InvalidAmount, Usd};
pub use payout::Payout;
pub use report::{
    BroadcastReport, DeliveredReport, FailedFunds, FailedReport, Leg, ProgressReport, Report, ReportKey,
    ReportKind, Transaction, TxHash,
};
pub use snapshot::{Funds, FundsLocation, Snapshot, TimelineEntry};
pub use state::{Broadcast, Delivered, Failed, Pending, State};
pub use status::Status;
pub use terms::{Network, NewPayout, Route, Terms};
pub use timestamp::{InvalidTimestamp, Timestamp};
