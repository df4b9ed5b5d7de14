use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use payoutd_domain::{Mode, OrgId, Timestamp};
use uuid::Uuid;

use super::*;

/// A store with one key, which counts how often it is asked and how many ask at once.
struct OneKey {
    key: RwLock<Option<ApiKey>>,
    asked: AtomicUsize,
    asking: AtomicUsize,
    most_asking: AtomicUsize,
}

#[async_trait]
impl ApiKeyStore for OneKey {
    async fn find_or_create_org(&self, _: &str, _: Timestamp) -> Result<OrgId, Unavailable> {
        Err(Unavailable("not here".into()))
    }

    async fn insert_key(&self, _: &ApiKey) -> Result<(), Unavailable> {
        Err(Unavailable("not here".into()))
    }

    async fn find_key(&self, digest: &KeyDigest) -> Result<Option<ApiKey>, Unavailable> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let asking = self.asking.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_asking.fetch_max(asking, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(10)).await;
        self.asking.fetch_sub(1, Ordering::SeqCst);
        Ok(self.key.read().unwrap().clone().filter(|key| key.digest == *digest))
    }

    async fn list_keys(&self, _: Option<&str>) -> Result<Vec<ApiKey>, Unavailable> {
        Err(Unavailable("not here".into()))
    }

    async fn expire_key(&self, _: Uuid, _: Timestamp) -> Result<bool, Unavailable> {
        Err(Unavailable("not here".into()))
    }
}

fn digest(n: u32) -> KeyDigest {
    KeyDigest::of(&n.to_string())
}

fn store() -> Arc<OneKey> {
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
    Arc::new(OneKey {
        key: RwLock::new(Some(key)),
        asked: AtomicUsize::new(0),
        asking: AtomicUsize::new(0),
        most_asking: AtomicUsize::new(0),
    })
}

fn cache(store: &Arc<OneKey>) -> Arc<KeyCache> {
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
    assert_eq!(store.asked.load(Ordering::SeqCst), 2, "asked once per key");

    let mut other = store.key.write().unwrap().take().unwrap();
    other.digest = digest(1);
    *store.key.write().unwrap() = Some(other);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(cache.find(digest(0)).await.unwrap().is_none());
    assert!(cache.find(digest(1)).await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn random_keys_neither_grow_the_memory_nor_hold_up_known_keys() {
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
    let began = Instant::now();
    assert!(cache.find(digest(0)).await.unwrap().is_some());
    assert!(began.elapsed() < Duration::from_millis(50), "a known key has its own queue");
    let mut refused = 0;
    for lookup in flood {
        refused += usize::from(lookup.await.unwrap().is_err());
    }
    assert!(refused > 0, "the queue of strangers has an end");
    assert!(store.most_asking.load(Ordering::SeqCst) <= 3);
    assert!(read(&cache.absent).len() <= 100);
}

#[tokio::test(start_paused = true)]
async fn many_that_need_the_same_key_ask_for_it_a_few_times() {
    let store = store();
    let cache = cache(&store);
    let crowd: Vec<_> = (0..500)
        .map(|_| {
            let cache = Arc::clone(&cache);
            tokio::spawn(async move { cache.find(digest(0)).await })
        })
        .collect();
    for lookup in crowd {
        assert!(lookup.await.unwrap().unwrap().is_some());
    }
    assert!(store.asked.load(Ordering::SeqCst) <= 2);
}
