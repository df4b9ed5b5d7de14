//! Remembers for a few seconds which keys there are, so that not every request asks the store.
//!
//! Whoever sends random keys gets little: what is remembered of them has a limit, and they wait for the store in a
//! queue of their own, apart from keys that were good a moment ago.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use payoutd_actors::ports::Unavailable;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::api_keys::{ApiKey, ApiKeyStore, KeyDigest};

/// The limits of what is remembered and asked.
#[derive(Debug, Clone, Copy)]
pub struct KeyCacheConfig {
    /// How long an answer of the store is believed; at most 5 seconds, within which a revoked key stops working.
    pub ttl: Duration,
    /// The most keys remembered, and as many that are known not to exist.
    pub max_entries: usize,
    /// The most lookups under way at once, for keys seen before and for others each.
    pub max_lookups: usize,
    /// How long a request waits for its turn to look up a key.
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

const LONGEST_TTL: Duration = Duration::from_secs(5);

struct Remembered<T> {
    what: T,
    /// When the store was asked, not when it answered: an answer may be old when it comes.
    asked_at: Instant,
}

type Memory<T> = RwLock<HashMap<KeyDigest, Remembered<T>>>;

/// See the module.
pub(super) struct KeyCache {
    keys: Arc<dyn ApiKeyStore>,
    config: KeyCacheConfig,
    known: Memory<Arc<ApiKey>>,
    absent: Memory<()>,
    turns_of_known: Arc<Semaphore>,
    turns_of_strangers: Arc<Semaphore>,
}

impl KeyCache {
    pub(super) fn new(keys: Arc<dyn ApiKeyStore>, config: KeyCacheConfig) -> Self {
        let config = KeyCacheConfig {
            ttl: config.ttl.min(LONGEST_TTL),
            max_entries: config.max_entries.max(1),
            max_lookups: config.max_lookups.clamp(1, 1_000),
            ..config
        };
        Self {
            keys,
            config,
            known: Memory::default(),
            absent: Memory::default(),
            turns_of_known: Arc::new(Semaphore::new(config.max_lookups)),
            turns_of_strangers: Arc::new(Semaphore::new(config.max_lookups)),
        }
    }

    /// The key with this digest, valid or not, as the store had it at most one `ttl` ago.
    pub(super) async fn find(&self, digest: KeyDigest) -> Result<Option<Arc<ApiKey>>, Unavailable> {
        if let Some(fresh) = self.fresh(&digest) {
            return Ok(fresh);
        }
        let turns = if read(&self.known).contains_key(&digest) {
            &self.turns_of_known
        } else {
            &self.turns_of_strangers
        };
        let turn = tokio::time::timeout(self.config.max_wait, Arc::clone(turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            metrics::counter!("payoutd_http_key_lookups_total", "result" => "refused").increment(1);
            return Err(Unavailable("too many keys are being looked up".into()));
        };
        // Many may have waited for the same answer; one of them got it.
        if let Some(fresh) = self.fresh(&digest) {
            return Ok(fresh);
        }
        let asked_at = Instant::now();
        let keys = Arc::clone(&self.keys);
        // In a task of its own: the turn ends with the question to the store, not with a client that hangs up.
        let answer = tokio::spawn(async move {
            let found = keys.find_key(&digest).await;
            (found, turn)
        });
        // Held until the answer is remembered: whoever is next shall find it.
        let (found, _turn) = answer.await.map_err(|died| Unavailable(died.to_string()))?;
        let found = found?.map(Arc::new);
        self.remember(digest, found.clone(), asked_at);
        Ok(found)
    }

    /// Whether there was a key with this digest when it was last looked up.
    pub(super) fn knows(&self, digest: &KeyDigest) -> bool {
        read(&self.known).contains_key(digest)
    }

    fn fresh(&self, digest: &KeyDigest) -> Option<Option<Arc<ApiKey>>> {
        let is_fresh = |asked_at: Instant| asked_at.elapsed() < self.config.ttl;
        if let Some(known) = read(&self.known).get(digest)
            && is_fresh(known.asked_at)
        {
            return Some(Some(Arc::clone(&known.what)));
        }
        read(&self.absent).get(digest).is_some_and(|absent| is_fresh(absent.asked_at)).then_some(None)
    }

    fn remember(&self, digest: KeyDigest, found: Option<Arc<ApiKey>>, asked_at: Instant) {
        let label = if found.is_some() { "found" } else { "absent" };
        metrics::counter!("payoutd_http_key_lookups_total", "result" => label).increment(1);
        match found {
            Some(key) => self.insert(&self.known, digest, Remembered { what: key, asked_at }),
            None => {
                self.known.write().unwrap_or_else(PoisonError::into_inner).remove(&digest);
                self.insert(&self.absent, digest, Remembered { what: (), asked_at });
            }
        }
    }

    fn insert<T>(&self, memory: &Memory<T>, digest: KeyDigest, entry: Remembered<T>) {
        let mut memory = memory.write().unwrap_or_else(PoisonError::into_inner);
        if memory.len() >= self.config.max_entries && !memory.contains_key(&digest) {
            memory.retain(|_, entry| entry.asked_at.elapsed() < self.config.ttl);
            if memory.len() >= self.config.max_entries {
                // All of it is fresh. Forgetting costs lookups, of which there is a limit as well.
                memory.clear();
            }
        }
        memory.insert(digest, entry);
    }
}

fn read<T>(memory: &Memory<T>) -> std::sync::RwLockReadGuard<'_, HashMap<KeyDigest, Remembered<T>>> {
    memory.read().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
