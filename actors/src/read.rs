//! Reads from memory: the last committed snapshot of each live payout, and subscriptions to its changes.

pub mod sharded_map;
pub mod snapshots;
pub mod subscriptions;
