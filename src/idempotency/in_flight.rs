//! Requests with an idempotency key that are being processed.
//!
//! They are tracked in memory: only one process at a time owns the database.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use payoutd_actors::ports::{Fingerprint, IdempotencyKeyHash};

/// The set of requests in flight. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct InFlightRequests(Arc<Mutex<HashMap<IdempotencyKeyHash, Fingerprint>>>);

/// The claim of one request on its key. Dropping it releases the key.
#[derive(Debug)]
pub(crate) struct InFlightGuard {
    requests: InFlightRequests,
    key_hash: IdempotencyKeyHash,
}

impl InFlightRequests {
    /// Claims a key.
    ///
    /// # Errors
    /// Returns the fingerprint of the other request if the key is already claimed.
    pub(crate) fn claim(
        &self,
        key_hash: IdempotencyKeyHash,
        fingerprint: Fingerprint,
    ) -> Result<InFlightGuard, Fingerprint> {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(key_hash) {
            Entry::Occupied(other) => Err(*other.get()),
            Entry::Vacant(free) => {
                free.insert(fingerprint);
                Ok(InFlightGuard { requests: self.clone(), key_hash })
            }
        }
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.requests.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key_hash);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_claimed_by_one_request_at_a_time() {
        let requests = InFlightRequests::default();
        let (key_hash, fingerprint, other) =
            (IdempotencyKeyHash([1; 32]), Fingerprint([1; 32]), Fingerprint([2; 32]));
        let guard = requests.claim(key_hash, fingerprint).unwrap();
        assert_eq!(requests.claim(key_hash, other).unwrap_err(), fingerprint);
        let other_key = requests.claim(IdempotencyKeyHash([2; 32]), other).unwrap();
        drop(guard);
        drop(requests.claim(key_hash, other).unwrap());
        drop(other_key);
        assert!(requests.0.lock().unwrap().is_empty());
    }
}
