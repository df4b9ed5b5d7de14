//! The JSON that leaves the process: one rendering of a payout for polls, streams, webhooks and messages.

mod outgoing;
mod payout;
mod webhook;

pub(crate) use outgoing::CloudEvent;
pub use outgoing::{EncodedMessage, Renderer};
pub use payout::{CreatedBody, PayoutBody};
pub(crate) use webhook::WebhookBody;
