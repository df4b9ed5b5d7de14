//! Which named requests are being worked on. In memory, because one process alone owns the database.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use payoutd_actors::ports::{Fingerprint, IdempotencyKeyHash};

/// The requests at work. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct InFlightRequests(Arc<Mutex<HashMap<IdempotencyKeyHash, Fingerprint>>>);

/// A request's turn, which ends when this goes out of scope.
#[derive(Debug)]
pub(super) struct InFlightGuard {
    running: InFlightRequests,
    name: IdempotencyKeyHash,
}

impl InFlightRequests {
    /// Takes the turn of this name.
    ///
    /// # Errors
    /// Where another request has it: what that one said.
    pub(super) fn begin(
        &self,
        name: IdempotencyKeyHash,
        fingerprint: Fingerprint,
    ) -> Result<InFlightGuard, Fingerprint> {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(name) {
            Entry::Occupied(other) => Err(*other.get()),
            Entry::Vacant(free) => {
                free.insert(fingerprint);
                Ok(InFlightGuard { running: self.clone(), name })
            }
        }
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.running.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_turn_at_a_time() {
        let running = InFlightRequests::default();
        let (name, said, other) = (IdempotencyKeyHash([1; 32]), Fingerprint([1; 32]), Fingerprint([2; 32]));
        let turn = running.begin(name, said).unwrap();
        assert_eq!(running.begin(name, other).unwrap_err(), said);
        let elsewhere = running.begin(IdempotencyKeyHash([2; 32]), other).unwrap();
        drop(turn);
        drop(running.begin(name, other).unwrap());
        drop(elsewhere);
        assert!(running.0.lock().unwrap().is_empty());
    }
}
