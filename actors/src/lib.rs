//! The actors that own payouts, and the ports through which they use a journal and a clock.
//!
//! This crate contains no SQL, AMQP or HTTP. The state machine is the crate `payoutd_domain`, which is synchronous and
//! does no I/O. [`actor`] and [`supervisor`] run it, with one actor per live payout. [`group_commit`] combines the
//! writes of many actors into one commit. [`read`] serves committed snapshots and subscriptions from memory. [`ports`]
//! defines the traits that the application implements. [`system`] starts and stops all of them together, and [`handle`]
//! is the interface for callers.

#![warn(missing_docs)]

pub mod actor;
pub mod failpoint;
pub mod group_commit;
pub mod handle;
pub mod overdue_sweep;
pub mod pending_creations;
pub mod ports;
pub mod read;
pub mod reply;
pub mod supervisor;
pub mod system;
#[cfg(feature = "testing")]
pub mod testing;
