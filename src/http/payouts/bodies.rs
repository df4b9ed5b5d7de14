//! Payouts as JSON, written once for each change and not for each poll.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use payoutd_domain::{PayoutId, Snapshot, Version};

use crate::wire::Renderer;

const SHARDS: usize = 64;
/// The most bodies in a shard, of a kilobyte or two each. A full one starts anew: those that are polled are soon back.
const PER_SHARD: usize = 128;

/// The newest bodies that somebody has polled.
#[derive(Debug)]
pub(in crate::http) struct Bodies {
    shards: Vec<Mutex<HashMap<PayoutId, (Version, Bytes)>>>,
    hasher: RandomState,
}

impl Default for Bodies {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect(), hasher: RandomState::new() }
    }
}

impl Bodies {
    /// The body of a snapshot. All that is in it is as of its version.
    pub(super) fn of(&self, snapshot: &Snapshot, renderer: &Renderer) -> serde_json::Result<Bytes> {
        let id = snapshot.payout.id;
        let shard = &self.shards[usize::try_from(self.hasher.hash_one(id) % (SHARDS as u64)).unwrap_or(0)];
        {
            let bodies = shard.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((version, body)) = bodies.get(&id)
                && *version == snapshot.version
            {
                return Ok(body.clone());
            }
        }
        let body = Bytes::from(serde_json::to_vec(&renderer.payout(snapshot))?);
        let mut bodies = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if bodies.len() >= PER_SHARD && !bodies.contains_key(&id) {
            bodies.clear();
        }
        bodies.insert(id, (snapshot.version, body.clone()));
        Ok(body)
    }
}

#[cfg(test)]
mod tests {
    use payoutd_actors::testing::sample;

    use super::*;

    #[test]
    fn each_version_has_its_own_body() {
        let (bodies, renderer) = (Bodies::default(), Renderer::new("https://payouts.example"));
        let mut snapshot = payoutd_domain::Payout::new(sample::payout(1).into()).snapshot();
        let first = bodies.of(&snapshot, &renderer).unwrap();
        assert_eq!(bodies.of(&snapshot, &renderer).unwrap(), first);
        snapshot.version = snapshot.version.next();
        snapshot.sequence = snapshot.sequence.next();
        let second = bodies.of(&snapshot, &renderer).unwrap();
        assert_ne!(second, first);
        assert_eq!(second, serde_json::to_vec(&renderer.payout(&snapshot)).unwrap());
    }

    #[test]
    fn there_are_never_too_many() {
        let (bodies, renderer) = (Bodies::default(), Renderer::new("https://payouts.example"));
        for number in 0..20_000 {
            let snapshot = payoutd_domain::Payout::new(sample::payout(number).into()).snapshot();
            bodies.of(&snapshot, &renderer).unwrap();
        }
        let held = |shard: &Mutex<HashMap<_, _>>| shard.lock().unwrap().len();
        assert!(bodies.shards.iter().all(|shard| held(shard) <= PER_SHARD));
    }
}
