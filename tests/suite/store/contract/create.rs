use std::collections::HashSet;
use std::sync::Arc;

use payoutd_actors::ports::{BatchError, Created};
use payoutd_domain::{Mode, NewPayout};

use super::super::samples::{self, create, payout, payout_of, terms};
use super::{TestStore, created, loaded};

pub(super) async fn every_statement_fits_the_schema(test: &TestStore) {
    test.store.check_statements().await.unwrap();
    test.store.migrate().await.expect("a second migration changes nothing");
    test.store.ping().await.unwrap();
}

pub(super) async fn a_created_payout_is_read_back_unchanged(test: &TestStore) {
    let payout = payout();
    let live = created(test, &payout).await;
    let stored = loaded(test, payout.id).await;
    assert_eq!(**stored.created(), payout);
    assert_eq!(stored, live);
}

pub(super) async fn a_creation_writes_one_outbox_message_and_no_journal_entry(test: &TestStore) {
    let payouts: Vec<NewPayout> = (0..5).map(|_| payout()).collect();
    let batch: Vec<_> = payouts.iter().map(create).collect();
    assert_eq!(test.store.create(&batch).await.unwrap(), [Created::Inserted; 5]);
    let announced = test.store.pending(Mode::Live, 100).await.unwrap();
    let ids: Vec<_> = announced.iter().map(|message| message.payout_id).collect();
    assert_eq!(ids, payouts.iter().map(|payout| payout.id).collect::<Vec<_>>(), "in the order of the batch");
    assert_eq!(test.query_number("SELECT count(*) FROM journal").await, 0);
    test.assert_consistent().await;
}

pub(super) async fn a_quote_backs_one_payout(test: &TestStore) {
    let first = payout();
    let second = NewPayout { terms: Arc::clone(&first.terms), ..payout() };
    created(test, &first).await;
    let other = payout();
    let results = test.store.create(&[create(&second), create(&other)]).await.unwrap();
    assert_eq!(results, [Created::QuoteUsed(first.id), Created::Inserted]);
    assert!(test.store.load(&[second.id]).await.unwrap()[0].is_none());
    test.assert_consistent().await;
}

pub(super) async fn a_quote_twice_in_one_batch_backs_one_payout(test: &TestStore) {
    let first = payout();
    let second = NewPayout { terms: Arc::clone(&first.terms), ..payout() };
    let results = test.store.create(&[create(&first), create(&payout()), create(&second)]).await.unwrap();
    assert_eq!(results, [Created::Inserted, Created::Inserted, Created::QuoteUsed(first.id)]);
    test.assert_consistent().await;
}

pub(super) async fn concurrent_creations_from_one_quote_insert_one_payout(test: &TestStore) {
    let shared: Vec<_> =
        (0..4).map(|_| Arc::new(terms(Mode::Live, &format!("quo_{}", samples::unique())))).collect();
    let tasks: Vec<_> = (0..12)
        .map(|turn| {
            let store = Arc::clone(&test.store);
            // Each writer has the quotes in a different order.
            let mut batch: Vec<_> = shared
                .iter()
                .map(|terms| create(&NewPayout { terms: Arc::clone(terms), ..payout() }))
                .collect();
            batch.rotate_left(turn % 4);
            tokio::spawn(async move { (batch.clone(), store.create(&batch).await.unwrap()) })
        })
        .collect();
    let mut winners = HashSet::new();
    let mut owners = HashSet::new();
    for task in tasks {
        let (batch, results) = task.await.unwrap();
        for (write, result) in batch.iter().zip(results) {
            match result {
                Created::Inserted => assert!(winners.insert(write.payout.id)),
                Created::QuoteUsed(owner) => drop(owners.insert(owner)),
            }
        }
    }
    assert_eq!(winners.len(), 4, "one winner per quote");
    assert_eq!(owners, winners, "the other creations return the winner");
    test.assert_consistent().await;
}

pub(super) async fn a_repeated_creation_of_a_sandbox_payout_returns_the_payout(test: &TestStore) {
    let payout = payout_of(terms(Mode::Test, "quo_sandbox"));
    let both = test.store.create(&[create(&payout), create(&payout)]).await.unwrap();
    assert_eq!(both, [Created::Inserted, Created::QuoteUsed(payout.id)]);
    assert_eq!(test.store.create(&[create(&payout)]).await.unwrap(), [Created::QuoteUsed(payout.id)]);
    let racing: Vec<_> = (0..8)
        .map(|_| (Arc::clone(&test.store), create(&payout)))
        .map(|(store, write)| tokio::spawn(async move { store.create(&[write]).await.unwrap() }))
        .collect();
    for task in racing {
        assert_eq!(task.await.unwrap(), [Created::QuoteUsed(payout.id)]);
    }
    test.assert_consistent().await;
}

pub(super) async fn a_creation_with_a_used_tracking_token_is_rejected(test: &TestStore) {
    let first = payout();
    created(test, &first).await;
    let second = NewPayout { tracking_token: first.tracking_token, ..payout() };
    let refused = test.store.create(&[create(&second)]).await;
    assert!(matches!(refused, Err(BatchError::Rejected(_))), "{refused:?}");
    assert!(test.store.load(&[second.id]).await.unwrap()[0].is_none());
}
