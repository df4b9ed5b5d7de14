//! Configuration of the tracking page.

use std::time::Duration;

use crate::config::FrameAncestors;

#[derive(Debug, Clone)]
pub struct TrackingConfig {
    /// The sites that may embed the page.
    pub frame_ancestors: FrameAncestors,
    /// The maximum number of open event streams. Further pages poll.
    pub max_streams: usize,
    pub max_streams_per_payout: usize,
    /// The number of unknown tokens per minute that one address may request.
    pub misses_per_minute: u32,
    /// The time limit for a request.
    pub request_timeout: Duration,
    /// The interval of comments on an idle event stream.
    pub heartbeat: Duration,
    /// The age at which an event stream ends. Browsers then open a new one.
    pub stream_age: Duration,
}

impl Default for TrackingConfig {
    fn default() -> Self {
        Self {
            frame_ancestors: FrameAncestors::default(),
            max_streams: 1_000,
            max_streams_per_payout: 50,
            misses_per_minute: 60,
            request_timeout: Duration::from_secs(15),
            heartbeat: Duration::from_secs(15),
            stream_age: Duration::from_secs(1_800),
        }
    }
}

impl TrackingConfig {
    /// Reduces `max_streams` so that at least half of a listener's connections remain for other requests.
    #[must_use]
    pub fn within(self, max_connections: usize) -> Self {
        Self { max_streams: self.max_streams.min(max_connections / 2), ..self }
    }
}
