//! The floors: what the same machine does without payoutd.

pub(crate) mod batched_writes;
pub(crate) mod floor_server;
pub(crate) mod pgbench;
pub(crate) mod rabbitmq;
pub(crate) mod statements;
