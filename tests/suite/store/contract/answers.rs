use std::sync::Arc;

use payoutd::quotes::Quote;
use payoutd::webhooks::{Endpoint, EndpointId, EventType, SigningSecret};
use payoutd_actors::ports::{Create, Created, Fingerprint, IdempotencyKeyHash, IdempotencyRecord};
use payoutd_domain::{Mode, NewPayout, OrgId};
use uuid::Uuid;

use super::super::made::{at, create, payout, terms};
use super::World;

fn answer(name: u8, body: &str) -> IdempotencyRecord {
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

fn answering(payout: &NewPayout, answer: &IdempotencyRecord) -> Create {
    Create { record: Some(Arc::new(answer.clone())), ..create(payout) }
}

impl World {
    async fn kept(&self, name: u8) -> Option<IdempotencyRecord> {
        self.store.find_answer(IdempotencyKeyHash([name; 32]), at(1)).await.unwrap()
    }
}

pub(super) async fn an_answer_reads_back_the_same(world: &World) {
    let full = answer(1, "{\"Ωmega\":\"‘1’ \\\\ \\u0000\"}");
    let plain = IdempotencyRecord { location: None, status: 422, ..answer(2, "") };
    assert_eq!(world.kept(1).await, None);
    for given in [&full, &plain] {
        assert_eq!(world.store.keep_answer(given).await.unwrap(), *given);
    }
    assert_eq!(world.kept(1).await, Some(full));
    assert_eq!(world.kept(2).await, Some(plain));
    let failure = IdempotencyRecord { status: 503, ..answer(3, "") };
    assert!(world.store.keep_answer(&failure).await.is_err(), "a failure is never the last word");
}

pub(super) async fn the_first_answer_stays_until_it_expires(world: &World) {
    let first = answer(1, "first");
    world.store.keep_answer(&first).await.unwrap();
    let second = IdempotencyRecord { created_at: at(99), expires_at: at(199), ..answer(1, "second") };
    assert_eq!(world.store.keep_answer(&second).await.unwrap(), first);
    let find = |now| world.store.find_answer(first.key_hash, at(now));
    assert_eq!(find(99).await.unwrap(), Some(first.clone()));
    assert_eq!(find(100).await.unwrap(), None, "expired, though it is still there");
    let third = IdempotencyRecord { created_at: at(100), expires_at: at(200), ..answer(1, "third") };
    assert_eq!(world.store.keep_answer(&third).await.unwrap(), third);
    assert_eq!(find(100).await.unwrap(), Some(third));
}

pub(super) async fn of_answers_kept_at_once_one_is_kept(world: &World) {
    let racing: Vec<_> = (0..12)
        .map(|turn| (Arc::clone(&world.store), answer(1, &turn.to_string())))
        .map(|(store, answer)| tokio::spawn(async move { store.keep_answer(&answer).await.unwrap() }))
        .collect();
    let mut told = Vec::new();
    for task in racing {
        told.push(task.await.unwrap());
    }
    let kept = world.kept(1).await.unwrap();
    assert!(told.iter().all(|told| *told == kept), "{told:?}");
}

pub(super) async fn expired_answers_are_forgotten_a_few_at_a_time(world: &World) {
    for name in 0..5 {
        let expires_at = at(100 + i64::from(name));
        world.store.keep_answer(&IdempotencyRecord { expires_at, ..answer(name, "") }).await.unwrap();
    }
    let forget = |now, limit| world.store.forget_answers(at(now), limit);
    assert_eq!(forget(99, 9).await.unwrap(), 0);
    assert_eq!(forget(102, 2).await.unwrap(), 2);
    assert_eq!(forget(102, 2).await.unwrap(), 1);
    assert_eq!(forget(102, 2).await.unwrap(), 0);
    assert_eq!(world.number("SELECT count(*) FROM kept_answers").await, 2);
}

pub(super) async fn an_answer_is_kept_with_the_payout_that_wins(world: &World) {
    let (first, other) = (payout(), payout());
    let loser = NewPayout { terms: Arc::clone(&first.terms), ..payout() };
    let batch = [
        answering(&first, &answer(1, "first")),
        create(&payout()),
        answering(&loser, &answer(2, "loser")),
        answering(&other, &answer(3, "other")),
    ];
    let made = world.store.create(&batch).await.unwrap();
    assert_eq!(made, [Created::Inserted, Created::Inserted, Created::QuoteUsed(first.id), Created::Inserted]);
    assert_eq!(world.kept(1).await, Some(answer(1, "first")));
    assert_eq!(world.kept(2).await, None);
    assert_eq!(world.kept(3).await, Some(answer(3, "other")));
    let again = world.store.create(&[answering(&loser, &answer(4, "again"))]).await.unwrap();
    assert_eq!(again, [Created::QuoteUsed(first.id)]);
    assert_eq!(world.kept(4).await, None);
    world.assert_whole().await;
}

pub(super) async fn an_answer_never_stands_in_the_way_of_a_payout(world: &World) {
    world.store.keep_answer(&answer(1, "before")).await.unwrap();
    let made = world.store.create(&[answering(&payout(), &answer(1, "after"))]).await.unwrap();
    assert_eq!(made, [Created::Inserted]);
    assert_eq!(world.kept(1).await, Some(answer(1, "before")));
}

pub(super) async fn a_payout_that_is_refused_keeps_no_answer(world: &World) {
    let first = payout();
    world.store.create(&[create(&first)]).await.unwrap();
    let second = NewPayout { tracking_token: first.tracking_token, ..payout() };
    assert!(world.store.create(&[answering(&second, &answer(1, "second"))]).await.is_err());
    assert_eq!(world.kept(1).await, None);
}

fn quote(id: &str) -> Quote {
    Quote { terms: Arc::new(terms(Mode::Live, id)), created_at: at(0), expires_at: at(60) }
}

pub(super) async fn an_answer_is_kept_with_its_quote_or_neither_is(world: &World) {
    let (first, second) = (quote("quo_1"), quote("quo_2"));
    assert_eq!(world.store.put(&first, Some(&answer(1, "first"))).await.unwrap(), first);
    assert_eq!(world.kept(1).await, Some(answer(1, "first")));
    assert!(world.store.put(&second, Some(&answer(1, "second"))).await.is_err());
    assert_eq!(world.store.get(&second.terms.quote_id).await.unwrap(), None);
    assert_eq!(world.kept(1).await, Some(answer(1, "first")));
    let later = IdempotencyRecord { created_at: at(100), expires_at: at(200), ..answer(1, "later") };
    assert_eq!(world.store.put(&second, Some(&later)).await.unwrap(), second);
    assert_eq!(world.store.find_answer(later.key_hash, at(100)).await.unwrap(), Some(later));
    let racing: Vec<_> = (0..8)
        .map(|turn| (Arc::clone(&world.store), quote(&format!("quo_r{turn}"))))
        .map(|(store, quote)| {
            tokio::spawn(async move { store.put(&quote, Some(&answer(9, "race"))).await.is_ok() })
        })
        .collect();
    let mut won = 0;
    for task in racing {
        won += u32::from(task.await.unwrap());
    }
    assert_eq!(won, 1, "of many that would answer one request, one is given");
    assert_eq!(world.number("SELECT count(*) FROM quotes WHERE id LIKE 'quo_r%'").await, 1);
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

pub(super) async fn an_answer_is_kept_with_its_endpoint_or_neither_is(world: &World) {
    let (first, second) = (endpoint(), endpoint());
    let insert = |endpoint: Endpoint, limit, answer: IdempotencyRecord| async move {
        world.store.insert_endpoint(&endpoint, limit, Some(&answer)).await.unwrap()
    };
    assert!(insert(first.clone(), 1, answer(1, "first")).await);
    assert!(!insert(second.clone(), 1, answer(2, "no room")).await);
    assert!(!insert(second.clone(), 9, answer(1, "taken")).await);
    assert_eq!(world.kept(1).await, Some(answer(1, "first")));
    assert_eq!(world.kept(2).await, None);
    assert_eq!(world.store.endpoint(second.id).await.unwrap(), None);

    let secret = SigningSecret::generate().unwrap();
    let rotate = |id, answer: IdempotencyRecord| {
        let secret = secret.clone();
        async move { world.store.rotate_secret(id, &secret, at(50), Some(&answer)).await.unwrap() }
    };
    assert!(!rotate(first.id, answer(1, "taken")).await);
    assert_eq!(world.store.endpoint(first.id).await.unwrap(), Some(first.clone()), "nothing changed");
    assert!(!rotate(second.id, answer(3, "no such endpoint")).await);
    assert_eq!(world.kept(3).await, None);
    assert!(rotate(first.id, answer(3, "rotated")).await);
    assert_eq!(world.kept(3).await, Some(answer(3, "rotated")));
    assert_eq!(world.store.endpoint(first.id).await.unwrap().unwrap().secret, secret);
}
