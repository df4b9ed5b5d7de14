use std::sync::Arc;

use payoutd::api_keys::{ApiKey, KeyDigest};
use payoutd_domain::{Mode, OrgId, Timestamp};
use uuid::Uuid;

use super::super::samples::{at, unique};
use super::TestStore;

fn key(org: OrgId, org_name: &str, created_at: Timestamp) -> ApiKey {
    ApiKey {
        id: Uuid::now_v7(),
        org,
        org_name: org_name.into(),
        mode: Mode::Live,
        digest: KeyDigest::of(&unique().to_string()),
        hint: "abcd".into(),
        created_at,
        expires_at: None,
    }
}

pub(super) async fn an_organisation_is_created_once(test: &TestStore) {
    let tasks: Vec<_> = (0..10)
        .map(|_| Arc::clone(&test.store))
        .map(|store| tokio::spawn(async move { store.find_or_create_org("acme", at(0)).await.unwrap() }))
        .collect();
    let acme = test.store.find_or_create_org("acme", at(1)).await.unwrap();
    for task in tasks {
        assert_eq!(task.await.unwrap(), acme);
    }
    assert_ne!(test.store.find_or_create_org("Acme", at(1)).await.unwrap(), acme);
}

pub(super) async fn a_key_is_found_by_its_digest(test: &TestStore) {
    let org = test.store.find_or_create_org("acme", at(0)).await.unwrap();
    let key = ApiKey { mode: Mode::Test, expires_at: Some(at(9)), ..key(org, "acme", at(1)) };
    assert_eq!(test.store.find_key(&key.digest).await.unwrap(), None);
    test.store.insert_key(&key).await.unwrap();
    assert_eq!(test.store.find_key(&key.digest).await.unwrap(), Some(key.clone()));
    assert_eq!(test.store.find_key(&KeyDigest::of("other")).await.unwrap(), None);
    assert!(
        test.store.insert_key(&ApiKey { id: Uuid::now_v7(), ..key }).await.is_err(),
        "one key per digest"
    );
}

pub(super) async fn keys_are_listed_newest_first(test: &TestStore) {
    let acme = test.store.find_or_create_org("acme", at(0)).await.unwrap();
    let other = test.store.find_or_create_org("other", at(0)).await.unwrap();
    let keys = [key(acme, "acme", at(2)), key(other, "other", at(3)), key(acme, "acme", at(1))];
    for key in &keys {
        test.store.insert_key(key).await.unwrap();
    }
    let [second, first, third] = keys;
    assert_eq!(test.store.list_keys(Some("acme")).await.unwrap(), [second.clone(), third.clone()]);
    assert_eq!(test.store.list_keys(None).await.unwrap(), [first, second, third]);
    assert_eq!(test.store.list_keys(Some("nobody")).await.unwrap(), []);
}

pub(super) async fn a_key_expires_at_the_earlier_time(test: &TestStore) {
    let org = test.store.find_or_create_org("acme", at(0)).await.unwrap();
    let key = key(org, "acme", at(0));
    assert!(!test.store.expire_key(key.id, at(5)).await.unwrap(), "no such key");
    test.store.insert_key(&key).await.unwrap();
    for (end, expected) in [(at(50), at(50)), (at(20), at(20)), (at(30), at(20))] {
        assert!(test.store.expire_key(key.id, end).await.unwrap());
        let stored = test.store.find_key(&key.digest).await.unwrap().unwrap();
        assert_eq!(stored.expires_at, Some(expected));
    }
}

pub(super) async fn a_setting_keeps_its_first_value(test: &TestStore) {
    assert_eq!(test.store.setting("key", "one").await.unwrap(), "one");
    assert_eq!(test.store.setting("key", "two").await.unwrap(), "one");
    assert_eq!(test.store.setting("other", "two").await.unwrap(), "two");
}
