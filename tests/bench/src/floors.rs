//! The floors: baselines that show what the machine reaches without payoutd. Each letter names one.
//!
//! | floor | what runs | module |
//! |---|---|---|
//! | R | PostgreSQL alone, one transaction per change, driven by `pgbench` | [`pgbench`] |
//! | B | PostgreSQL alone, the same writes in batches | [`batched_writes`] |
//! | Q | RabbitMQ alone, the same messages | [`rabbitmq`] |
//! | F | a server that does the I/O of payoutd without its checks and its state | [`floor_server`] |
//! | H | an HTTP handler that returns the bytes of a poll | [`floor_server`] |

pub(crate) mod batched_writes;
pub(crate) mod floor_server;
pub(crate) mod pgbench;
pub(crate) mod rabbitmq;
pub(crate) mod statements;
