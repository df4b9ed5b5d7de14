use std::fmt::Debug;

use payoutd_domain::Change;

use crate::wire::{EncodedMessage, Renderer};

/// Encodes a change as the message that is published for it. The store calls it when it writes the outbox.
pub trait MessageEncoder: Debug + Send + Sync + 'static {
    /// The message of this change. Equal changes give equal messages.
    ///
    /// # Errors
    /// Returns the serializer's error if the change cannot be written as JSON.
    fn encode(&self, change: &Change) -> serde_json::Result<EncodedMessage>;
}

impl MessageEncoder for Renderer {
    fn encode(&self, change: &Change) -> serde_json::Result<EncodedMessage> {
        self.cloud_event(change)
    }
}
