//! The sections of the configuration. `config.default.toml` documents every key.

use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;

use super::frame_ancestors::FrameAncestors;
use super::secret::Secret;

macro_rules! section {
    ($name:ident { $($key:ident: $kind:ty),+ $(,)? }) => {
        #[derive(Debug, Clone, Deserialize)]
        #[cfg_attr(test, derive(serde::Serialize))]
        #[serde(deny_unknown_fields)]
        pub struct $name { $(pub $key: $kind),+ }
    };
}

section!(Http {
    listen: SocketAddr,
    public_url: String,
    base_path: String,
    max_connections: usize,
    max_body_bytes: usize,
    header_timeout_seconds: u64,
    body_timeout_seconds: u64,
    request_timeout_seconds: u64,
    drain_seconds: u64,
});
section!(Ops { listen: SocketAddr, token: Secret });
section!(Idempotency { keep_hours: u32 });
section!(Limits {
    reads_per_second: u32,
    reads_burst: u32,
    writes_per_second: u32,
    writes_burst: u32,
    refused_keys_per_minute: u32,
});
section!(Quotes { signing_key: Secret, ttl_seconds: u32 });
section!(Database {
    url: Secret,
    max_connections: u32,
    connect_timeout_seconds: u64,
    statement_timeout_seconds: u64,
    migrate: bool,
});
section!(Amqp {
    url: Secret,
    prefetch: u16,
    delivery_limit: u32,
    confirm_timeout_seconds: u64,
    drain_seconds: u64,
});
section!(Reports { max_bytes: usize, park_seconds: u32 });
section!(Actors {
    max_live: usize,
    idle_seconds: u64,
    ended_seconds: u64,
    failure_limit: u32,
    quarantine_seconds: u64,
});
section!(Commit { at_once: usize, max_batch: usize });
section!(Relay { batch: u32, poll_millis: u64 });
section!(Sweep { every_millis: u64, batch: u32 });
section!(Sandbox { poll_millis: u64 });
section!(Waiting { max_held: usize, max_held_per_key: usize, heartbeat_seconds: u64, stream_seconds: u64 });
section!(Webhooks {
    allow_insecure: bool,
    allow_private_addresses: bool,
    timeout_seconds: u64,
    concurrency: usize,
    per_endpoint: usize,
    keep_days: u32,
    poll_millis: u64,
});
section!(Tracking {
    frame_ancestors: FrameAncestors,
    max_streams: usize,
    max_streams_per_payout: usize,
    misses_per_minute: u32,
});
section!(Log { format: LogFormat, filter: String });

impl Idempotency {
    #[must_use]
    pub fn keep(&self) -> Duration {
        Duration::from_secs(u64::from(self.keep_hours) * 60 * 60)
    }
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    Text,
    Json,
}
