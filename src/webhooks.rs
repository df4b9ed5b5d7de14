//! Webhooks: partners are told of changes at addresses they name.
//!
//! A delivery is a row, written by the very commit it tells of: one for each endpoint that asked for that type. The
//! [`Sender`] finds the rows that are due, renders the payout as it was right after the change out of its journal, signs
//! it and posts it. A restart loses nothing, because nothing but the rows says what is still to be sent.
//!
//! **Invariants.** For one endpoint and payout, a change is sent only after the one before it succeeded or was given up.
//! No connection is opened to an address that [`is_public`] refuses, whatever name or spelling led there, unless the
//! program is configured for development. No log line holds a secret, a body or an answer.

mod address;
mod attempt;
mod connector;
mod delivery;
mod desk;
mod endpoint;
mod event_type;
mod history;
mod metrics;
mod sample;
mod schedule;
mod secret;
mod sender;
mod store;
mod target;
#[cfg(test)]
pub(crate) mod testing;
mod transport;

pub use address::is_public;
pub use attempt::{Attempt, AttemptError, Verdict};
pub use connector::{Resolve, SystemResolver, TlsTrust};
pub use delivery::{Delivery, DeliveryStatus, MessageId, NewDelivery};
pub use desk::{
    MAX_ENDPOINTS, NewEndpoint, Owner, Page, ReplayRequest, TestReport, WebhookError, WebhookService,
};
pub use endpoint::{DisabledReason, Endpoint, EndpointId, InvalidEndpointId};
pub use event_type::EventType;
pub use metrics::describe;
pub use schedule::{JITTER, RETRY_WAITS, TOTAL_WAIT};
pub use secret::{OVERLAP, SigningSecret, sign};
pub use sender::{Sender, SenderLimits, SenderParts};
pub use store::{Due, Outcome, Recorded, WaitingDeliveries, WebhookStore};
pub use target::{InvalidTarget, Policy, Target};
pub use transport::{Message, Transport, TransportLimits};
