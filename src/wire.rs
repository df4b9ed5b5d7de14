//! The JSON that leaves the process: one rendering of a payout for polls, streams, webhooks and messages.

mod outgoing;
mod payout;
mod webhook;

pub use outgoing::{Outgoing, Renderer};
pub use payout::{CreatedBody, PayoutBody};
