use std::sync::Arc;

use payoutd::api_keys::{ApiKey, KeyDigest};
use payoutd::quotes::Quote;
use payoutd_domain::{Mode, OrgId, Timestamp};
use uuid::Uuid;

use super::super::made::{at, terms, unique};
use super::World;

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

pub(super) async fn an_organisation_is_made_once(world: &World) {
    let tasks: Vec<_> = (0..10)
        .map(|_| Arc::clone(&world.store))
        .map(|store| tokio::spawn(async move { store.find_or_create_org("acme", at(0)).await.unwrap() }))
        .collect();
    let acme = world.store.find_or_create_org("acme", at(1)).await.unwrap();
    for task in tasks {
        assert_eq!(task.await.unwrap(), acme);
    }
    assert_ne!(world.store.find_or_create_org("Acme", at(1)).await.unwrap(), acme);
}

pub(super) async fn a_key_is_found_by_its_digest(world: &World) {
    let org = world.store.find_or_create_org("acme", at(0)).await.unwrap();
    let key = ApiKey { mode: Mode::Test, expires_at: Some(at(9)), ..key(org, "acme", at(1)) };
    assert_eq!(world.store.find_key(&key.digest).await.unwrap(), None);
    world.store.insert_key(&key).await.unwrap();
    assert_eq!(world.store.find_key(&key.digest).await.unwrap(), Some(key.clone()));
    assert_eq!(world.store.find_key(&KeyDigest::of("other")).await.unwrap(), None);
    assert!(
        world.store.insert_key(&ApiKey { id: Uuid::now_v7(), ..key }).await.is_err(),
        "one key per digest"
    );
}

pub(super) async fn keys_are_listed_newest_first(world: &World) {
    let acme = world.store.find_or_create_org("acme", at(0)).await.unwrap();
    let other = world.store.find_or_create_org("other", at(0)).await.unwrap();
    let keys = [key(acme, "acme", at(2)), key(other, "other", at(3)), key(acme, "acme", at(1))];
    for key in &keys {
        world.store.insert_key(key).await.unwrap();
    }
    let [second, first, third] = keys;
    assert_eq!(world.store.list_keys(Some("acme")).await.unwrap(), [second.clone(), third.clone()]);
    assert_eq!(world.store.list_keys(None).await.unwrap(), [first, second, third]);
    assert_eq!(world.store.list_keys(Some("nobody")).await.unwrap(), []);
}

pub(super) async fn a_key_ends_at_the_earlier_time(world: &World) {
    let org = world.store.find_or_create_org("acme", at(0)).await.unwrap();
    let key = key(org, "acme", at(0));
    assert!(!world.store.expire_key(key.id, at(5)).await.unwrap(), "no such key");
    world.store.insert_key(&key).await.unwrap();
    for (end, expected) in [(at(50), at(50)), (at(20), at(20)), (at(30), at(20))] {
        assert!(world.store.expire_key(key.id, end).await.unwrap());
        let kept = world.store.find_key(&key.digest).await.unwrap().unwrap();
        assert_eq!(kept.expires_at, Some(expected));
    }
}

fn quote(mode: Mode, id: &str, created: i64) -> Quote {
    Quote { terms: Arc::new(terms(mode, id)), created_at: at(created), expires_at: at(created + 60) }
}

pub(super) async fn a_quote_reads_back_the_same(world: &World) {
    let given = quote(Mode::Live, "quo_1", 0);
    assert_eq!(world.store.get(&given.terms.quote_id).await.unwrap(), None);
    assert_eq!(world.store.put(&given, None).await.unwrap(), given);
    assert_eq!(world.store.get(&given.terms.quote_id).await.unwrap(), Some(given));
}

pub(super) async fn a_live_quote_stays_as_it_is(world: &World) {
    let given = quote(Mode::Live, "quo_1", 0);
    world.store.put(&given, None).await.unwrap();
    assert_eq!(world.store.put(&quote(Mode::Live, "quo_1", 500), None).await.unwrap(), given);
}

pub(super) async fn a_sandbox_quote_is_renewed_after_its_end(world: &World) {
    let given = quote(Mode::Test, "quo_1", 0);
    world.store.put(&given, None).await.unwrap();
    assert_eq!(world.store.put(&quote(Mode::Test, "quo_1", 59), None).await.unwrap(), given, "not over yet");
    let renewed = quote(Mode::Test, "quo_1", 60);
    assert_eq!(world.store.put(&renewed, None).await.unwrap(), renewed);
    assert_eq!(world.store.get(&given.terms.quote_id).await.unwrap(), Some(renewed));
    let racing: Vec<_> = (200..210)
        .map(|created| (Arc::clone(&world.store), quote(Mode::Test, "quo_1", created)))
        .map(|(store, quote)| tokio::spawn(async move { store.put(&quote, None).await.unwrap() }))
        .collect();
    let kept = world.store.put(&quote(Mode::Test, "quo_1", 205), None).await.unwrap();
    for task in racing {
        assert_eq!(task.await.unwrap(), kept, "one of them renewed it, for all");
    }
}

pub(super) async fn quotes_are_forgotten_some_time_after_their_end(world: &World) {
    for number in 0..5 {
        let given = quote(Mode::Live, &format!("quo_{number}"), number);
        world.store.put(&given, None).await.unwrap();
    }
    let forget = |end, limit| world.store.purge_quotes(at(end), limit);
    assert_eq!(forget(60, 10).await.unwrap(), 0, "the first expires then");
    assert_eq!(forget(64, 3).await.unwrap(), 3, "no more than asked for");
    assert_eq!(forget(64, 3).await.unwrap(), 1);
    let kept = |number: i64| {
        let id = format!("quo_{number}").parse().unwrap();
        async move { world.store.get(&id).await.unwrap().is_some() }
    };
    assert!(!kept(0).await && !kept(3).await && kept(4).await);
}

pub(super) async fn a_setting_keeps_its_first_value(world: &World) {
    assert_eq!(world.store.setting("key", "one").await.unwrap(), "one");
    assert_eq!(world.store.setting("key", "two").await.unwrap(), "one");
    assert_eq!(world.store.setting("other", "two").await.unwrap(), "two");
}
