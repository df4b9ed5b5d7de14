//! The webhook service and the dispatcher.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::lifecycle::Components;
use crate::cli::Failure;
use crate::config;
use crate::webhooks::{
    Dispatcher, DispatcherLimits, DispatcherOptions, Policy, SystemResolver, TlsTrust, Transport,
    TransportLimits, WebhookService,
};

/// Creates the service and the dispatcher, which share a transport.
pub(super) fn webhooks(
    foundation: &Components,
    wakeup: &Arc<Notify>,
) -> Result<(WebhookService, Dispatcher), Failure> {
    let Components { config, store, clock, renderer, .. } = foundation;
    let transport = Arc::new(transport(&config.webhooks)?);
    let service = WebhookService {
        store: Arc::clone(store) as _,
        journal: Arc::clone(store) as _,
        transport: Arc::clone(&transport),
        renderer: renderer.clone(),
        clock: Arc::clone(clock),
        wakeup: Arc::clone(wakeup),
    };
    let dispatcher = Dispatcher::new(DispatcherOptions {
        store: Arc::clone(store) as _,
        journal: Arc::clone(store) as _,
        transport,
        renderer: renderer.clone(),
        clock: Arc::clone(clock),
        wakeup: Arc::clone(wakeup),
        limits: limits(&config.webhooks),
    });
    Ok((service, dispatcher))
}

fn transport(config: &config::Webhooks) -> Result<Transport, Failure> {
    let policy = Policy {
        allow_insecure: config.allow_insecure,
        allow_private_addresses: config.allow_private_addresses,
    };
    let limits = TransportLimits {
        deadline: Duration::from_secs(config.timeout_seconds),
        ..TransportLimits::default()
    };
    Ok(Transport::new(policy, Arc::new(SystemResolver), TlsTrust::System, limits)?)
}

fn limits(config: &config::Webhooks) -> DispatcherLimits {
    const DAY: u64 = 24 * 60 * 60;
    DispatcherLimits {
        healthy: config.concurrency,
        degraded: config.concurrency.div_ceil(4),
        per_endpoint: config.per_endpoint,
        poll_interval: Duration::from_millis(config.poll_millis),
        retention: Duration::from_secs(DAY * u64::from(config.keep_days)),
        ..DispatcherLimits::DEFAULT
    }
}
