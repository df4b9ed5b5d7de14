use std::sync::Arc;

use payoutd::quotes::Quote;
use payoutd::webhooks::{Endpoint, EndpointId, EventType, SigningSecret};
use payoutd_actors::ports::{Create, Created, Fingerprint, IdempotencyKeyHash, IdempotencyRecord};
use payoutd_domain::{Mode, NewPayout, OrgId};
use uuid::Uuid;

use super::super::samples::{at, create, payout, terms};
use super::TestStore;

fn record(name: u8, body: &str) -> IdempotencyRecord {
    IdempotencyRecord {
        key_hash: IdempotencyKeyHash([name; 32]),
        fingerprint: Fingerprint([name ^ 0xff; 32]),
        status: 201,
        location: Some("/payouts/pay_1".into()),
        body: body.into(),
        created_at: at(0),
        expires_at: at(100),
    }
}

fn create_with_record(payout: &NewPayout, record: &IdempotencyRecord) -> Create {
    Create { record: Some(Arc::new(record.clone())), ..create(payout) }
}

impl TestStore {
    async fn stored_record(&self, name: u8) -> Option<IdempotencyRecord> {
        self.store.find_record(IdempotencyKeyHash([name; 32]), at(1)).await.unwrap()
    }
}

pub(super) async fn a_record_is_read_back_unchanged(test: &TestStore) {
    let full = record(1, "{\"Ωmega\":\"‘1’ \\\\ \\u0000\"}");
    let plain = IdempotencyRecord { location: None, status: 422, ..record(2, "") };
    assert_eq!(test.stored_record(1).await, None);
    for given in [&full, &plain] {
        assert_eq!(test.store.insert_record(given).await.unwrap(), *given);
    }
    assert_eq!(test.stored_record(1).await, Some(full));
    assert_eq!(test.stored_record(2).await, Some(plain));
    let failure = IdempotencyRecord { status: 503, ..record(3, "") };
    assert!(test.store.insert_record(&failure).await.is_err(), "the record of a server error is rejected");
}

pub(super) async fn a_record_is_not_replaced_until_it_expires(test: &TestStore) {
    let first = record(1, "first");
    test.store.insert_record(&first).await.unwrap();
    let second = IdempotencyRecord { created_at: at(99), expires_at: at(199), ..record(1, "second") };
    assert_eq!(test.store.insert_record(&second).await.unwrap(), first);
    let find = |now| test.store.find_record(first.key_hash, at(now));
    assert_eq!(find(99).await.unwrap(), Some(first.clone()));
    assert_eq!(find(100).await.unwrap(), None, "expired, although the row still exists");
    let third = IdempotencyRecord { created_at: at(100), expires_at: at(200), ..record(1, "third") };
    assert_eq!(test.store.insert_record(&third).await.unwrap(), third);
    assert_eq!(find(100).await.unwrap(), Some(third));
}

pub(super) async fn one_of_several_concurrent_records_is_stored(test: &TestStore) {
    let racing: Vec<_> = (0..12)
        .map(|turn| (Arc::clone(&test.store), record(1, &turn.to_string())))
        .map(|(store, record)| tokio::spawn(async move { store.insert_record(&record).await.unwrap() }))
        .collect();
    let mut returned = Vec::new();
    for task in racing {
        returned.push(task.await.unwrap());
    }
    let stored = test.stored_record(1).await.unwrap();
    assert!(returned.iter().all(|record| *record == stored), "{returned:?}");
}

pub(super) async fn expired_records_are_purged_up_to_the_limit(test: &TestStore) {
    for name in 0..5 {
        let expires_at = at(100 + i64::from(name));
        test.store.insert_record(&IdempotencyRecord { expires_at, ..record(name, "") }).await.unwrap();
    }
    let purge = |now, limit| test.store.purge_expired_records(at(now), limit);
    assert_eq!(purge(99, 9).await.unwrap(), 0);
    assert_eq!(purge(102, 2).await.unwrap(), 2);
    assert_eq!(purge(102, 2).await.unwrap(), 1);
    assert_eq!(purge(102, 2).await.unwrap(), 0);
    assert_eq!(test.query_number("SELECT count(*) FROM kept_answers").await, 2);
}

pub(super) async fn a_record_is_stored_with_the_payout_that_wins(test: &TestStore) {
    let (first, other) = (payout(), payout());
    let loser = NewPayout { terms: Arc::clone(&first.terms), ..payout() };
    let batch = [
        create_with_record(&first, &record(1, "first")),
        create(&payout()),
        create_with_record(&loser, &record(2, "loser")),
        create_with_record(&other, &record(3, "other")),
    ];
    let created = test.store.create(&batch).await.unwrap();
    assert_eq!(
        created,
        [Created::Inserted, Created::Inserted, Created::QuoteUsed(first.id), Created::Inserted]
    );
    assert_eq!(test.stored_record(1).await, Some(record(1, "first")));
    assert_eq!(test.stored_record(2).await, None);
    assert_eq!(test.stored_record(3).await, Some(record(3, "other")));
    let again = test.store.create(&[create_with_record(&loser, &record(4, "again"))]).await.unwrap();
    assert_eq!(again, [Created::QuoteUsed(first.id)]);
    assert_eq!(test.stored_record(4).await, None);
    test.assert_consistent().await;
}

pub(super) async fn an_existing_record_does_not_prevent_a_creation(test: &TestStore) {
    test.store.insert_record(&record(1, "before")).await.unwrap();
    let created = test.store.create(&[create_with_record(&payout(), &record(1, "after"))]).await.unwrap();
    assert_eq!(created, [Created::Inserted]);
    assert_eq!(test.stored_record(1).await, Some(record(1, "before")));
}

pub(super) async fn a_refused_creation_stores_no_record(test: &TestStore) {
    let first = payout();
    test.store.create(&[create(&first)]).await.unwrap();
    let second = NewPayout { tracking_token: first.tracking_token, ..payout() };
    assert!(test.store.create(&[create_with_record(&second, &record(1, "second"))]).await.is_err());
    assert_eq!(test.stored_record(1).await, None);
}

fn quote(id: &str) -> Quote {
    Quote { terms: Arc::new(terms(Mode::Live, id)), created_at: at(0), expires_at: at(60) }
}

pub(super) async fn a_quote_and_its_record_are_stored_together_or_not_at_all(test: &TestStore) {
    let (first, second) = (quote("quo_1"), quote("quo_2"));
    assert_eq!(test.store.put(&first, Some(&record(1, "first"))).await.unwrap(), first);
    assert_eq!(test.stored_record(1).await, Some(record(1, "first")));
    assert!(test.store.put(&second, Some(&record(1, "second"))).await.is_err());
    assert_eq!(test.store.get(&second.terms.quote_id).await.unwrap(), None);
    assert_eq!(test.stored_record(1).await, Some(record(1, "first")));
    let later = IdempotencyRecord { created_at: at(100), expires_at: at(200), ..record(1, "later") };
    assert_eq!(test.store.put(&second, Some(&later)).await.unwrap(), second);
    assert_eq!(test.store.find_record(later.key_hash, at(100)).await.unwrap(), Some(later));
    let racing: Vec<_> = (0..8)
        .map(|turn| (Arc::clone(&test.store), quote(&format!("quo_r{turn}"))))
        .map(|(store, quote)| {
            tokio::spawn(async move { store.put(&quote, Some(&record(9, "race"))).await.is_ok() })
        })
        .collect();
    let mut won = 0;
    for task in racing {
        won += u32::from(task.await.unwrap());
    }
    assert_eq!(won, 1, "one quote is stored for one idempotency key");
    assert_eq!(test.query_number("SELECT count(*) FROM quotes WHERE id LIKE 'quo_r%'").await, 1);
}

fn endpoint() -> Endpoint {
    Endpoint {
        id: EndpointId(Uuid::now_v7()),
        org: OrgId(Uuid::from_u128(7)),
        mode: Mode::Live,
        url: "https://example.com/".into(),
        description: String::new(),
        types: EventType::DEFAULT.to_vec(),
        secret: SigningSecret::generate().unwrap(),
        previous_secret: None,
        created_at: at(0),
        disabled: None,
        failing_since: None,
    }
}

pub(super) async fn an_endpoint_and_its_record_are_stored_together_or_not_at_all(test: &TestStore) {
    let (first, second) = (endpoint(), endpoint());
    let insert = |endpoint: Endpoint, limit, record: IdempotencyRecord| async move {
        test.store.insert_endpoint(&endpoint, limit, Some(&record)).await.unwrap()
    };
    assert!(insert(first.clone(), 1, record(1, "first")).await);
    assert!(!insert(second.clone(), 1, record(2, "limit reached")).await);
    assert!(!insert(second.clone(), 9, record(1, "taken")).await);
    assert_eq!(test.stored_record(1).await, Some(record(1, "first")));
    assert_eq!(test.stored_record(2).await, None);
    assert_eq!(test.store.endpoint(second.id).await.unwrap(), None);

    let secret = SigningSecret::generate().unwrap();
    let rotate = |id, record: IdempotencyRecord| {
        let secret = secret.clone();
        async move { test.store.rotate_secret(id, &secret, at(50), Some(&record)).await.unwrap() }
    };
    assert!(!rotate(first.id, record(1, "taken")).await);
    assert_eq!(test.store.endpoint(first.id).await.unwrap(), Some(first.clone()), "nothing changed");
    assert!(!rotate(second.id, record(3, "no such endpoint")).await);
    assert_eq!(test.stored_record(3).await, None);
    assert!(rotate(first.id, record(3, "rotated")).await);
    assert_eq!(test.stored_record(3).await, Some(record(3, "rotated")));
    assert_eq!(test.store.endpoint(first.id).await.unwrap().unwrap().secret, secret);
}
