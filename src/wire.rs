//! The JSON of payouts in responses, event streams, webhooks and broker messages.

mod cloud_event;
mod payout;
mod renderer;
mod webhook;

pub(crate) use cloud_event::CloudEvent;
pub use cloud_event::EncodedMessage;
pub use payout::{CreatedBody, PayoutBody};
pub use renderer::Renderer;
pub(crate) use webhook::WebhookBody;
