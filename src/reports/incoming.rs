//! A received message, independent of the protocol.

use payoutd_domain::Timestamp;

/// A received message.
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'a> {
    /// The routing key: by contract, the payout id.
    pub routing_key: &'a str,
    /// The content type, if the message has one.
    pub content_type: Option<&'a str>,
    /// The headers that have a text form.
    pub headers: &'a [(String, String)],
    /// The body.
    pub body: &'a [u8],
    /// The time of receipt.
    pub received_at: Timestamp,
}
