//! The dependencies and limits of the dispatcher.

use std::sync::Arc;
use std::time::Duration;

use payoutd_actors::ports::{Clock, Journal};
use tokio::sync::Notify;

use crate::webhooks::{Transport, WebhookStore};
use crate::wire::Renderer;

#[derive(Clone)]
pub struct DispatcherOptions {
    pub store: Arc<dyn WebhookStore>,
    pub journal: Arc<dyn Journal>,
    pub transport: Arc<Transport>,
    pub renderer: Renderer,
    pub clock: Arc<dyn Clock>,
    /// Notified after a commit that may have inserted deliveries.
    pub wakeup: Arc<Notify>,
    pub limits: DispatcherLimits,
}

#[derive(Debug, Clone, Copy)]
pub struct DispatcherLimits {
    /// The most concurrent attempts to healthy endpoints.
    pub healthy: usize,
    /// The most concurrent attempts to degraded endpoints, of which each gets one at a time.
    pub degraded: usize,
    /// The most concurrent attempts to one endpoint.
    pub per_endpoint: usize,
    /// An endpoint whose response takes longer is degraded.
    pub slow_after: Duration,
    /// The interval between queries for due deliveries without a wakeup.
    pub poll_interval: Duration,
    /// How long deliveries are kept for the log and for replays.
    pub retention: Duration,
}

impl DispatcherLimits {
    pub const DEFAULT: Self = Self {
        healthy: 256,
        degraded: 64,
        per_endpoint: 8,
        slow_after: Duration::from_secs(3),
        poll_interval: Duration::from_secs(1),
        retention: Duration::from_secs(30 * 24 * 60 * 60),
    };
}

impl Default for DispatcherLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
