//! A hash map split over locks, so that readers and writers of different payouts rarely wait for one another.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The number of locks.
const SHARDS: usize = 64;

/// A map from `K` to `V` behind 64 reader-writer locks; the hash of the key chooses the lock.
#[derive(Debug)]
pub struct ShardedMap<K, V> {
    shards: Vec<RwLock<HashMap<K, V>>>,
    hasher: RandomState,
}

impl<K, V> Default for ShardedMap<K, V> {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| RwLock::default()).collect(), hasher: RandomState::new() }
    }
}

impl<K: Eq + Hash, V> ShardedMap<K, V> {
    fn shard(&self, key: &K) -> &RwLock<HashMap<K, V>> {
        let hash = self.hasher.hash_one(key) % (SHARDS as u64);
        &self.shards[usize::try_from(hash).unwrap_or(0)]
    }

    /// Locks the shard of `key` for reading. The guard covers other keys of the same shard as well.
    pub fn read(&self, key: &K) -> RwLockReadGuard<'_, HashMap<K, V>> {
        self.shard(key).read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the shard of `key` for writing. The guard covers other keys of the same shard as well.
    pub fn write(&self, key: &K) -> RwLockWriteGuard<'_, HashMap<K, V>> {
        self.shard(key).write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Applies `change` to every value, one shard after another.
    pub fn for_each_mut(&self, mut change: impl FnMut(&mut V)) {
        for shard in &self.shards {
            shard.write().unwrap_or_else(PoisonError::into_inner).values_mut().for_each(&mut change);
        }
    }

    /// The number of entries, counted one shard after another.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().unwrap_or_else(PoisonError::into_inner).len()).sum()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
