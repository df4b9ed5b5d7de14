//! The heart of payoutd: a pure payout state machine, the actors that own payouts, and the ports through
//! which they reach a journal and a clock.
//!
//! Nothing here knows SQL, AMQP or HTTP. The [`payout`] module is synchronous and pure: time is a parameter
//! and effects are returned as data. [`actor`] and [`supervisor`] run that machine, one actor per live payout;
//! [`group_commit`] gathers the writes of many actors into one commit; [`ports`] says what all of them need
//! from the world; [`engine`] starts and ends all of it as one.

pub mod actor;
pub mod births;
pub mod engine;
pub mod failpoint;
pub mod group_commit;
pub mod payouts;
pub mod ports;
pub mod snapshots;
pub mod supervisor;
pub mod sweep;
#[cfg(feature = "testing")]
pub mod testing;
pub mod watchers;
