//! Webhooks: signed HTTP notifications to the endpoints that partners register.
//!
//! A delivery is a row. The transaction that commits a change inserts one delivery for each endpoint that subscribes to
//! the type of the change. The [`Dispatcher`] reads the deliveries that are due, renders the payout as it was right
//! after the change from its journal, signs the message and posts it. The rows are the only record of what remains to
//! be sent, so a restart loses nothing.
//!
//! **Invariants.** For one endpoint and payout, a change is sent only after the change before it succeeded or was
//! abandoned. No connection is opened to an address that [`is_public`] refuses, regardless of the name or spelling that
//! leads to it, unless the configuration allows private addresses. No log line contains a secret, a message body or a
//! response body.

mod address;
mod attempt;
mod connector;
mod delivery;
mod dispatcher;
mod endpoint;
mod event;
mod event_type;
mod metrics;
mod schedule;
mod secret;
mod service;
mod store;
mod target;
mod test_event;
#[cfg(test)]
pub(crate) mod testing;
mod transport;

pub use address::is_public;
pub use attempt::{Attempt, AttemptError, Verdict};
pub use connector::{Resolve, SystemResolver, TlsTrust};
pub use delivery::{DeliveryStatus, MessageId, NewDelivery, WebhookDelivery};
pub use dispatcher::{Dispatcher, DispatcherLimits, DispatcherOptions, MaintenanceExited};
pub use endpoint::{DisabledReason, Endpoint, EndpointId, InvalidEndpointId};
pub use event_type::EventType;
pub use metrics::describe;
pub use schedule::{JITTER, RETRY_DELAYS, TOTAL_RETRY_TIME};
pub use secret::{SECRET_OVERLAP, SigningSecret, sign};
pub use service::{
    DeliveryPage, MAX_ENDPOINTS, NewEndpoint, ReplayRequest, TestResult, WebhookError, WebhookService,
};
pub use store::{DeliveryBacklog, DueDelivery, Outcome, RecordedAttempt, WebhookStore};
pub use target::{InvalidTarget, Policy, Target};
pub use transport::{Message, Transport, TransportLimits};
