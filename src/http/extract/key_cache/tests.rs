use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use payoutd_domain::{Mode, OrgId, Timestamp};
use uuid::Uuid;

use super::*;

/// A store with one key. It counts queries and the maximum number of concurrent queries.
struct OneKeyStore {
    key: RwLock<Option<ApiKey>>,
    queries: AtomicUsize,
    running: AtomicUsize,
    max_running: AtomicUsize,
}

#[async_trait]
impl ApiKeyStore for OneKeyStore {
    async fn find_or_create_org(&self, _: &str, _: Timestamp) -> Result<OrgId, Unavailable> {
        Err(Unavailable("not implemented".into()))
    }

    async fn insert_key(&self, _: &ApiKey) -> Result<(), Unavailable> {
        Err(Unavailable("not implemented".into()))
    }

    async fn find_key(&self, digest: &KeyDigest) -> Result<Option<ApiKey>, Unavailable> {
        self.queries.fetch_add(1, Ordering::SeqCst);
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.max_running.fetch_max(running, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(10)).await;
        self.running.fetch_sub(1, Ordering::SeqCst);
        Ok(self.key.read().unwrap().clone().filter(|key| key.digest == *digest))
    }

    async fn list_keys(&self, _: Option<&str>) -> Result<Vec<ApiKey>, Unavailable> {
        Err(Unavailable("not implemented".into()))
    }

    async fn expire_key(&self, _: Uuid, _: Timestamp) -> Result<bool, Unavailable> {
        Err(Unavailable("not implemented".into()))
    }
}

fn digest(n: u32) -> KeyDigest {
    KeyDigest::of(&n.to_string())
}

fn store() -> Arc<OneKeyStore> {
    let key = ApiKey {
        id: Uuid::nil(),
        org: OrgId(Uuid::nil()),
        org_name: "acme".into(),
        mode: Mode::Live,
        digest: digest(0),
        hint: "0000".into(),
        created_at: Timestamp::EPOCH,
        expires_at: None,
    };
    Arc::new(OneKeyStore {
        key: RwLock::new(Some(key)),
        queries: AtomicUsize::new(0),
        running: AtomicUsize::new(0),
        max_running: AtomicUsize::new(0),
    })
}

fn cache(store: &Arc<OneKeyStore>) -> Arc<KeyCache> {
    let config = KeyCacheConfig { max_entries: 100, max_lookups: 2, ..KeyCacheConfig::default() };
    Arc::new(KeyCache::new(Arc::clone(store) as Arc<dyn ApiKeyStore>, config))
}

#[tokio::test(start_paused = true)]
async fn a_revoked_key_stops_working_within_the_ttl_and_a_new_one_starts() {
    let store = store();
    let cache = cache(&store);
    assert!(cache.find(digest(0)).await.unwrap().is_some());
    assert!(cache.find(digest(0)).await.unwrap().is_some());
    assert!(cache.find(digest(1)).await.unwrap().is_none());
    assert!(cache.find(digest(1)).await.unwrap().is_none());
    assert_eq!(store.queries.load(Ordering::SeqCst), 2, "one query per key");

    let mut other = store.key.write().unwrap().take().unwrap();
    other.digest = digest(1);
    *store.key.write().unwrap() = Some(other);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(cache.find(digest(0)).await.unwrap().is_none());
    assert!(cache.find(digest(1)).await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn random_keys_neither_grow_the_cache_nor_delay_known_keys() {
    let store = store();
    let cache = cache(&store);
    assert!(cache.find(digest(0)).await.unwrap().is_some());
    tokio::time::sleep(Duration::from_secs(6)).await;
    let flood: Vec<_> = (1..=2_000)
        .map(|n| {
            let cache = Arc::clone(&cache);
            tokio::spawn(async move { cache.find(digest(n)).await })
        })
        .collect();
    tokio::task::yield_now().await;
    let started_at = Instant::now();
    assert!(cache.find(digest(0)).await.unwrap().is_some());
    assert!(started_at.elapsed() < Duration::from_millis(50), "a known key has its own queue");
    let mut refused = 0;
    for lookup in flood {
        refused += usize::from(lookup.await.unwrap().is_err());
    }
    assert!(refused > 0, "the queue of unknown keys is limited");
    assert!(store.max_running.load(Ordering::SeqCst) <= 3);
    assert!(read(&cache.unknown).len() <= 100);
}

#[tokio::test(start_paused = true)]
async fn concurrent_requests_with_the_same_key_share_a_few_queries() {
    let store = store();
    let cache = cache(&store);
    let lookups: Vec<_> = (0..500)
        .map(|_| {
            let cache = Arc::clone(&cache);
            tokio::spawn(async move { cache.find(digest(0)).await })
        })
        .collect();
    for lookup in lookups {
        assert!(lookup.await.unwrap().unwrap().is_some());
    }
    assert!(store.queries.load(Ordering::SeqCst) <= 2);
}
