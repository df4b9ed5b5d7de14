//! The sections, one struct each.

use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;

use super::frame_ancestors::FrameAncestors;
use super::secret::Secret;

macro_rules! section {
    ($(#[$doc:meta])* $name:ident { $($key:ident: $kind:ty),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $(pub $key: $kind),+ }
    };
}

section!(
    /// The partner API.
    Http {
        listen: SocketAddr,
        public_url: String,
        base_path: String,
        max_connections: usize,
        max_body_bytes: usize,
        header_timeout_seconds: u64,
        request_timeout_seconds: u64,
        drain_seconds: u64,
    }
);
section!(
    /// The operators' listener.
    Ops { listen: SocketAddr, token: Secret }
);
section!(
    /// Answers kept for requests that come again.
    Idempotency { keep_hours: u32 }
);
section!(
    /// How often partners may call.
    Limits {
        reads_per_second: u32,
        reads_burst: u32,
        writes_per_second: u32,
        writes_burst: u32,
        refused_keys_per_minute: u32,
    }
);
section!(
    /// Quotes.
    Quotes { signing_key: Secret, ttl_seconds: u32 }
);
section!(
    /// The database.
    Database {
        url: Secret,
        max_connections: u32,
        connect_timeout_seconds: u64,
        statement_timeout_seconds: u64,
        migrate: bool,
    }
);
section!(
    /// The broker.
    Amqp { url: Secret, prefetch: u16, delivery_limit: u32, confirm_timeout_seconds: u64 }
);
section!(
    /// What is taken in.
    Reports { max_bytes: usize, park_seconds: u32 }
);
section!(
    /// The actors.
    Actors { max_live: usize, idle_seconds: u64, ended_seconds: u64, failure_limit: u32, quarantine_seconds: u64 }
);
section!(
    /// Group commit.
    Commit { at_once: usize, max_batch: usize }
);
section!(
    /// The outbox relay.
    Relay { batch: u32, poll_millis: u64 }
);
section!(
    /// The sweep for late payouts.
    Sweep { every_millis: u64, batch: u32 }
);
section!(
    /// The simulator.
    Sandbox { poll_millis: u64 }
);
section!(
    /// Requests held open until something happens.
    Waiting { max_held: usize, max_held_per_key: usize, heartbeat_seconds: u64, stream_seconds: u64 }
);
section!(
    /// Webhooks.
    Webhooks {
        allow_insecure: bool,
        allow_private_addresses: bool,
        timeout_seconds: u64,
        concurrency: usize,
        per_endpoint: usize,
        keep_days: u32,
        poll_millis: u64,
    }
);
section!(
    /// The public tracking page.
    Tracking {
        frame_ancestors: FrameAncestors,
        max_streams: usize,
        max_streams_per_payout: usize,
        misses_per_minute: u32,
    }
);
section!(
    /// Logs.
    Log { format: LogFormat, filter: String }
);

impl Idempotency {
    /// How long answers are kept.
    #[must_use]
    pub fn keep(&self) -> Duration {
        Duration::from_secs(u64::from(self.keep_hours) * 60 * 60)
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}
