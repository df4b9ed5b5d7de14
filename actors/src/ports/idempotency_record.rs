//! Idempotency records, which are stored in the same commit as the effect of their request.

use std::sync::Arc;

use payoutd_domain::Timestamp;

/// Identifies a request: the digest of the caller and its idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IdempotencyKeyHash(pub [u8; 32]);

/// The digest of a request's content. Two requests with the same key must have the same fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

/// The response to a request with an idempotency key. It is stored in the commit that has the request's effect, so that
/// a repeated request gets the same response and has no further effect. This crate does not interpret it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// The key of the request.
    pub key_hash: IdempotencyKeyHash,
    /// The content of the request.
    pub fingerprint: Fingerprint,
    /// The status of the response.
    pub status: u16,
    /// The location of the created resource.
    pub location: Option<Arc<str>>,
    /// The body of the response.
    pub body: Arc<str>,
    /// The time at which the record was created.
    pub created_at: Timestamp,
    /// The time from which the record has no effect, even if it is not deleted yet.
    pub expires_at: Timestamp,
}
