//! Answers kept together with what they tell of.

use std::sync::Arc;

use payoutd_domain::Timestamp;

/// Names a request: a digest of who asks and of the name they gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IdempotencyKeyHash(pub [u8; 32]);

/// A digest of everything a request says. Two requests of one name must have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

/// The answer to a named request, kept in the very commit that does what was asked, so that repeating the request
/// gives the same answer and does nothing. What it says means nothing here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// The request it answers.
    pub name: IdempotencyKeyHash,
    /// What that request said.
    pub fingerprint: Fingerprint,
    /// The answer's status.
    pub status: u16,
    /// Where what was made is to be found.
    pub location: Option<Arc<str>>,
    /// The answer itself.
    pub body: Arc<str>,
    /// Since when it is kept.
    pub kept_at: Timestamp,
    /// From when on it counts as forgotten, whether it is still there or not.
    pub expires_at: Timestamp,
}
