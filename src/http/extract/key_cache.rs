//! A cache of API keys, so that not every request queries the store.
//!
//! A client that sends random keys cannot affect others: the cache of unknown keys has a maximum size, and lookups of
//! unknown keys have a queue of their own, apart from lookups of keys that existed recently.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use payoutd_actors::ports::Unavailable;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::api_keys::{ApiKey, ApiKeyStore, KeyDigest};
use crate::runtime::detached::run_to_completion;

/// The limits of the cache and of lookups in the store.
#[derive(Debug, Clone, Copy)]
pub struct KeyCacheConfig {
    /// How long a cached result is valid. At most 5 seconds, which is also the delay until a revoked key stops working.
    pub ttl: Duration,
    /// The maximum number of cached keys, and of cached digests without a key.
    pub max_entries: usize,
    /// The maximum number of concurrent lookups, each for known and for unknown keys.
    pub max_lookups: usize,
    /// How long a request waits for a lookup to be admitted.
    pub max_wait: Duration,
}

impl Default for KeyCacheConfig {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(5),
            max_entries: 10_000,
            max_lookups: 4,
            max_wait: Duration::from_secs(2),
        }
    }
}

const MAX_TTL: Duration = Duration::from_secs(5);

struct Entry<T> {
    value: T,
    /// When the query was sent. Its result may already be outdated when it arrives.
    queried_at: Instant,
}

type EntryMap<T> = RwLock<HashMap<KeyDigest, Entry<T>>>;

pub(super) struct KeyCache {
    keys: Arc<dyn ApiKeyStore>,
    config: KeyCacheConfig,
    known: EntryMap<Arc<ApiKey>>,
    unknown: EntryMap<()>,
    lookups_of_known: Arc<Semaphore>,
    lookups_of_unknown: Arc<Semaphore>,
}

impl KeyCache {
    pub(super) fn new(keys: Arc<dyn ApiKeyStore>, config: KeyCacheConfig) -> Self {
        let config = KeyCacheConfig {
            ttl: config.ttl.min(MAX_TTL),
            max_entries: config.max_entries.max(1),
            max_lookups: config.max_lookups.clamp(1, 1_000),
            ..config
        };
        Self {
            keys,
            config,
            known: EntryMap::default(),
            unknown: EntryMap::default(),
            lookups_of_known: Arc::new(Semaphore::new(config.max_lookups)),
            lookups_of_unknown: Arc::new(Semaphore::new(config.max_lookups)),
        }
    }

    /// The key with this digest, valid or expired, as it was in the store at most one `ttl` ago.
    pub(super) async fn find(&self, digest: KeyDigest) -> Result<Option<Arc<ApiKey>>, Unavailable> {
        if let Some(fresh) = self.get_fresh(&digest) {
            return Ok(fresh);
        }
        let lookups = if read(&self.known).contains_key(&digest) {
            &self.lookups_of_known
        } else {
            &self.lookups_of_unknown
        };
        let permit = tokio::time::timeout(self.config.max_wait, Arc::clone(lookups).acquire_owned()).await;
        let Ok(Ok(permit)) = permit else {
            metrics::counter!("payoutd_http_key_lookups_total", "result" => "refused").increment(1);
            return Err(Unavailable("too many keys are being looked up".into()));
        };
        // Another request may have looked up the same key while this one was waiting.
        if let Some(fresh) = self.get_fresh(&digest) {
            return Ok(fresh);
        }
        let queried_at = Instant::now();
        let keys = Arc::clone(&self.keys);
        // The permit must be held until the query ends, even if the client disconnects before.
        let query = run_to_completion(async move {
            let found = keys.find_key(&digest).await;
            (found, permit)
        });
        // Here it is held until the result is cached, so that the next request finds it.
        let (found, _permit) = query.await.map_err(|error| Unavailable(error.to_string()))?;
        let found = found?.map(Arc::new);
        self.insert(digest, found.clone(), queried_at);
        Ok(found)
    }

    /// Whether a key with this digest existed when it was last looked up.
    pub(super) fn contains(&self, digest: &KeyDigest) -> bool {
        read(&self.known).contains_key(digest)
    }

    fn get_fresh(&self, digest: &KeyDigest) -> Option<Option<Arc<ApiKey>>> {
        let is_fresh = |queried_at: Instant| queried_at.elapsed() < self.config.ttl;
        if let Some(known) = read(&self.known).get(digest)
            && is_fresh(known.queried_at)
        {
            return Some(Some(Arc::clone(&known.value)));
        }
        read(&self.unknown).get(digest).is_some_and(|unknown| is_fresh(unknown.queried_at)).then_some(None)
    }

    fn insert(&self, digest: KeyDigest, found: Option<Arc<ApiKey>>, queried_at: Instant) {
        let label = if found.is_some() { "found" } else { "absent" };
        metrics::counter!("payoutd_http_key_lookups_total", "result" => label).increment(1);
        match found {
            Some(key) => self.insert_into(&self.known, digest, Entry { value: key, queried_at }),
            None => {
                self.known.write().unwrap_or_else(PoisonError::into_inner).remove(&digest);
                self.insert_into(&self.unknown, digest, Entry { value: (), queried_at });
            }
        }
    }

    fn insert_into<T>(&self, entries: &EntryMap<T>, digest: KeyDigest, entry: Entry<T>) {
        let mut entries = entries.write().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= self.config.max_entries && !entries.contains_key(&digest) {
            entries.retain(|_, entry| entry.queried_at.elapsed() < self.config.ttl);
            if entries.len() >= self.config.max_entries {
                // All entries are fresh. Dropping them causes further lookups, which are limited as well.
                entries.clear();
            }
        }
        entries.insert(digest, entry);
    }
}

fn read<T>(entries: &EntryMap<T>) -> RwLockReadGuard<'_, HashMap<KeyDigest, Entry<T>>> {
    entries.read().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
