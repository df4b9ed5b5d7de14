//! The actors that own payouts, and the ports through which they reach a journal and a clock.
//!
//! Nothing here knows SQL, AMQP or HTTP. The machine itself is the crate `payoutd_domain`, synchronous and pure.
//! [`actor`] and [`supervisor`] run that machine, one actor per live payout; [`group_commit`] gathers the writes of
//! many actors into one commit; [`ports`] defines what all of them need from outside; [`system`] starts and stops
//! them together.

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
