//! The webhook service and the dispatcher.

use std::sync::Arc;

use tokio::sync::Notify;

use super::components::Components;
use super::error::AppError;
use super::settings::{dispatcher_limits, webhook_policy, webhook_transport_limits};
use crate::webhooks::{Dispatcher, DispatcherOptions, SystemResolver, TlsTrust, Transport, WebhookService};

/// Creates the service and the dispatcher, which share a transport.
pub(super) fn webhooks(
    components: &Components,
    wakeup: &Arc<Notify>,
) -> Result<(WebhookService, Dispatcher), AppError> {
    let Components { config, store, clock, renderer, .. } = components;
    let transport = Arc::new(Transport::new(
        webhook_policy(&config.webhooks),
        Arc::new(SystemResolver),
        TlsTrust::System,
        webhook_transport_limits(&config.webhooks),
    )?);
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
        limits: dispatcher_limits(&config.webhooks),
    });
    Ok((service, dispatcher))
}
