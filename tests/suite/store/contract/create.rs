use std::collections::HashSet;
use std::sync::Arc;

use payoutd_actors::ports::{BatchError, Created};
use payoutd_domain::{Mode, NewPayout};

use super::super::made::{self, create, payout, payout_of, terms};
use super::{World, created, loaded};

pub(super) async fn every_statement_fits_the_schema(world: &World) {
    world.store.check_statements().await.unwrap();
    world.store.migrate().await.expect("migrating again changes nothing");
    world.store.ping().await.unwrap();
}

pub(super) async fn a_created_payout_reads_back_the_same(world: &World) {
    let payout = payout();
    let live = created(world, &payout).await;
    let stored = loaded(world, payout.id).await;
    assert_eq!(**stored.created(), payout);
    assert_eq!(stored, live);
}

pub(super) async fn a_creation_is_announced_once_and_writes_no_journal(world: &World) {
    let payouts: Vec<NewPayout> = (0..5).map(|_| payout()).collect();
    let batch: Vec<_> = payouts.iter().map(create).collect();
    assert_eq!(world.store.create(&batch).await.unwrap(), [Created::Inserted; 5]);
    let announced = world.store.pending(Mode::Live, 100).await.unwrap();
    let ids: Vec<_> = announced.iter().map(|message| message.payout_id).collect();
    assert_eq!(ids, payouts.iter().map(|payout| payout.id).collect::<Vec<_>>(), "in the order of the batch");
    assert_eq!(world.number("SELECT count(*) FROM journal").await, 0);
    world.assert_whole().await;
}

pub(super) async fn a_quote_backs_one_payout(world: &World) {
    let first = payout();
    let second = NewPayout { terms: Arc::clone(&first.terms), ..payout() };
    created(world, &first).await;
    let other = payout();
    let answers = world.store.create(&[create(&second), create(&other)]).await.unwrap();
    assert_eq!(answers, [Created::QuoteUsed(first.id), Created::Inserted]);
    assert!(world.store.load(&[second.id]).await.unwrap()[0].is_none());
    world.assert_whole().await;
}

pub(super) async fn a_quote_twice_in_one_batch_backs_one_payout(world: &World) {
    let first = payout();
    let second = NewPayout { terms: Arc::clone(&first.terms), ..payout() };
    let answers = world.store.create(&[create(&first), create(&payout()), create(&second)]).await.unwrap();
    assert_eq!(answers, [Created::Inserted, Created::Inserted, Created::QuoteUsed(first.id)]);
    world.assert_whole().await;
}

pub(super) async fn a_quote_fought_for_backs_one_payout(world: &World) {
    let shared: Vec<_> =
        (0..4).map(|_| Arc::new(terms(Mode::Live, &format!("quo_{}", made::unique())))).collect();
    let tasks: Vec<_> = (0..12)
        .map(|turn| {
            let store = Arc::clone(&world.store);
            // Every writer comes with the quotes in another order.
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
        let (batch, answers) = task.await.unwrap();
        for (write, answer) in batch.iter().zip(answers) {
            match answer {
                Created::Inserted => assert!(winners.insert(write.payout.id)),
                Created::QuoteUsed(owner) => drop(owners.insert(owner)),
            }
        }
    }
    assert_eq!(winners.len(), 4, "one winner per quote");
    assert_eq!(owners, winners, "and everybody else is told of it");
    world.assert_whole().await;
}

pub(super) async fn a_sandbox_payout_created_again_answers_itself(world: &World) {
    let payout = payout_of(terms(Mode::Test, "quo_sandbox"));
    let both = world.store.create(&[create(&payout), create(&payout)]).await.unwrap();
    assert_eq!(both, [Created::Inserted, Created::QuoteUsed(payout.id)]);
    assert_eq!(world.store.create(&[create(&payout)]).await.unwrap(), [Created::QuoteUsed(payout.id)]);
    let racing: Vec<_> = (0..8)
        .map(|_| (Arc::clone(&world.store), create(&payout)))
        .map(|(store, write)| tokio::spawn(async move { store.create(&[write]).await.unwrap() }))
        .collect();
    for task in racing {
        assert_eq!(task.await.unwrap(), [Created::QuoteUsed(payout.id)]);
    }
    world.assert_whole().await;
}

pub(super) async fn a_taken_token_is_no_success(world: &World) {
    let first = payout();
    created(world, &first).await;
    let second = NewPayout { tracking_token: first.tracking_token, ..payout() };
    let refused = world.store.create(&[create(&second)]).await;
    assert!(matches!(refused, Err(BatchError::Rejected(_))), "{refused:?}");
    assert!(world.store.load(&[second.id]).await.unwrap()[0].is_none());
}
