//! Webhooks: the desk that partners ask, and the sender.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::lifecycle::Components;
use crate::cli::Failure;
use crate::config;
use crate::webhooks::{
    Policy, Sender, SenderLimits, SenderParts, SystemResolver, TlsTrust, Transport, TransportLimits,
    WebhookService,
};

/// Both halves, with one transport between them.
pub(super) fn webhooks(
    foundation: &Components,
    hint: &Arc<Notify>,
) -> Result<(WebhookService, Sender), Failure> {
    let Components { config, store, clock, renderer, .. } = foundation;
    let transport = Arc::new(transport(&config.webhooks)?);
    let desk = WebhookService {
        store: Arc::clone(store) as _,
        journal: Arc::clone(store) as _,
        transport: Arc::clone(&transport),
        renderer: renderer.clone(),
        clock: Arc::clone(clock),
        hint: Arc::clone(hint),
    };
    let sender = Sender::new(SenderParts {
        store: Arc::clone(store) as _,
        journal: Arc::clone(store) as _,
        transport,
        renderer: renderer.clone(),
        clock: Arc::clone(clock),
        hint: Arc::clone(hint),
        limits: limits(&config.webhooks),
    });
    Ok((desk, sender))
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

fn limits(config: &config::Webhooks) -> SenderLimits {
    const DAY: u64 = 24 * 60 * 60;
    SenderLimits {
        well: config.concurrency,
        poorly: config.concurrency.div_ceil(4),
        per_endpoint: config.per_endpoint,
        poll: Duration::from_millis(config.poll_millis),
        keep: Duration::from_secs(DAY * u64::from(config.keep_days)),
        ..SenderLimits::DEFAULT
    }
}
