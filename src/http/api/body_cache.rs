//! A cache of rendered payouts, so that a payout is serialized once per change and not once per poll.

use bytes::Bytes;
use payoutd_actors::read::sharded_map::ShardedMap;
use payoutd_domain::{PayoutId, Snapshot, Version};

use crate::http::response::json::to_json;
use crate::http::response::problem::Problem;
use crate::wire::Renderer;

/// The maximum number of bodies per shard, each of 1 to 2 kB. A full shard is cleared: payouts that are being polled are
/// soon cached again.
const PER_SHARD: usize = 128;

/// The newest body of each recently polled payout.
#[derive(Debug, Default)]
pub(in crate::http) struct BodyCache(ShardedMap<PayoutId, (Version, Bytes)>);

impl BodyCache {
    /// The JSON body of a snapshot, which depends on its version alone.
    ///
    /// # Errors
    /// Returns `unavailable` if the payout cannot be serialized.
    pub(super) fn get(&self, snapshot: &Snapshot, renderer: &Renderer) -> Result<Bytes, Problem> {
        let id = snapshot.payout.id;
        if let Some((version, body)) = self.0.read(&id).get(&id)
            && *version == snapshot.version
        {
            return Ok(body.clone());
        }
        let body = Bytes::from(to_json(&renderer.payout(snapshot))?);
        let mut bodies = self.0.write(&id);
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
    fn each_version_has_a_body_of_its_own() {
        let (cache, renderer) = (BodyCache::default(), Renderer::new("https://payouts.example"));
        let mut snapshot = payoutd_domain::Payout::new(sample::payout(1).into()).snapshot();
        let first = cache.get(&snapshot, &renderer).unwrap();
        assert_eq!(cache.get(&snapshot, &renderer).unwrap(), first);
        snapshot.version = snapshot.version.next();
        snapshot.sequence = snapshot.sequence.next();
        let second = cache.get(&snapshot, &renderer).unwrap();
        assert_ne!(second, first);
        assert_eq!(second, serde_json::to_vec(&renderer.payout(&snapshot)).unwrap());
    }

    #[test]
    fn the_cache_has_a_maximum_size() {
        let (cache, renderer) = (BodyCache::default(), Renderer::new("https://payouts.example"));
        for number in 0..20_000 {
            let snapshot = payoutd_domain::Payout::new(sample::payout(number).into()).snapshot();
            cache.get(&snapshot, &renderer).unwrap();
        }
        for number in 0..20_000 {
            assert!(cache.0.read(&sample::id(number)).len() <= PER_SHARD);
        }
    }
}
