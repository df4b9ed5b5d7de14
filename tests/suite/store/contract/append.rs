use std::sync::Arc;

use payoutd_actors::group_commit::{CommitError, GroupCommit, GroupCommitConfig};
use payoutd_actors::ports::{Append, Appended, BatchError};
use payoutd_domain::{Mode, Outcome, Payout, ReportKey, Version};

use super::super::samples::{append, broadcast, create, delivered, failed, payout, poisoned};
use super::{TestStore, created, loaded, recorded};

pub(super) async fn an_input_at_the_expected_version_is_recorded(test: &TestStore) {
    let live = created(test, &payout()).await;
    let after = recorded(test, &live, broadcast("0xa")).await;
    let after = recorded(test, &after, delivered("0xa")).await;
    assert_eq!(loaded(test, live.created().id).await, after);
    test.assert_consistent().await;
}

pub(super) async fn an_input_at_another_version_changes_nothing(test: &TestStore) {
    let live = created(test, &payout()).await;
    let moved = recorded(test, &live, broadcast("0xa")).await;
    let (stale, _) = append(&live, failed("no"));
    let (ahead, _) = append(&append(&moved, broadcast("0xb")).1, failed("no"));
    assert_eq!(test.store.append(&[stale]).await.unwrap(), [Appended::Conflict]);
    assert_eq!(test.store.append(&[ahead]).await.unwrap(), [Appended::Conflict]);
    assert_eq!(loaded(test, live.created().id).await, moved);
    test.assert_consistent().await;
}

pub(super) async fn an_input_for_a_missing_payout_conflicts(test: &TestStore) {
    let nowhere = Payout::new(Arc::new(payout()));
    let (write, _) = append(&nowhere, broadcast("0xa"));
    assert_eq!(test.store.append(&[write]).await.unwrap(), [Appended::Conflict]);
    test.assert_consistent().await;
}

/// Several payouts that exist.
async fn several(test: &TestStore, count: usize) -> Vec<Payout> {
    let payouts: Vec<_> = (0..count).map(|_| payout()).collect();
    test.store.create(&payouts.iter().map(create).collect::<Vec<_>>()).await.unwrap();
    payouts.into_iter().map(|payout| Payout::new(Arc::new(payout))).collect()
}

pub(super) async fn a_conflict_does_not_affect_the_rest_of_the_batch(test: &TestStore) {
    let payouts = several(test, 9).await;
    recorded(test, &payouts[4], broadcast("0xfirst")).await;
    let batch: Vec<Append> = payouts.iter().map(|payout| append(payout, delivered("0xa")).0).collect();
    let mut expected = [Appended::Committed; 9];
    expected[4] = Appended::Conflict;
    assert_eq!(test.store.append(&batch).await.unwrap(), expected);
    assert_eq!(loaded(test, payouts[4].created().id).await.version(), Version(2));
    test.assert_consistent().await;
}

pub(super) async fn a_batch_with_a_poisoned_write_writes_nothing(test: &TestStore) {
    let payouts = several(test, 3).await;
    let good = |index: usize| append(&payouts[index], broadcast("0xa")).0;
    let refused = test.store.append(&[good(0), poisoned(&payouts[1]), good(2)]).await;
    assert!(matches!(refused, Err(BatchError::Rejected(_))), "{refused:?}");
    let versions = test.query_number("SELECT CAST(sum(version) AS bigint) FROM payouts").await;
    assert_eq!(versions, 3, "nothing of the batch is written");
    assert_eq!(test.store.append(&[good(0), good(2)]).await.unwrap(), [Appended::Committed; 2]);
    test.assert_consistent().await;
    test.assert_no_open_transaction().await;
}

pub(super) async fn a_poisoned_write_fails_alone(test: &TestStore) {
    let payouts = several(test, 8).await;
    let journal: Arc<dyn payoutd_actors::ports::Journal> = Arc::clone(&test.store) as _;
    let (commits, _lanes) =
        GroupCommit::start(journal, GroupCommitConfig { max_in_flight: 1, max_batch: 64 });
    let tasks: Vec<_> = payouts
        .iter()
        .enumerate()
        .map(|(turn, payout)| {
            let write = if turn == 3 { poisoned(payout) } else { append(payout, broadcast("0xa")).0 };
            let commits = commits.clone();
            tokio::spawn(async move { commits.append(write).await })
        })
        .collect();
    for (turn, task) in tasks.into_iter().enumerate() {
        match task.await.unwrap() {
            Ok(Appended::Committed) => assert_ne!(turn, 3),
            Err(CommitError::Rejected(_)) => assert_eq!(turn, 3),
            other => panic!("{turn}: {other:?}"),
        }
    }
    test.assert_consistent().await;
}

pub(super) async fn inputs_without_changes_only_increment_the_version(test: &TestStore) {
    let live = created(test, &payout()).await;
    let live = recorded(test, &live, delivered("0xa")).await;
    let known = recorded(test, &live, delivered("0xa")).await;
    assert_eq!((known.version(), known.sequence()), (live.version().next(), live.sequence()));
    let refused = recorded(test, &known, delivered("0xother")).await;
    let stored = test.store.load(&[live.created().id]).await.unwrap().remove(0).unwrap();
    let outcomes: Vec<_> = stored.entries.iter().map(|entry| entry.outcome.name()).collect();
    assert_eq!(outcomes, ["applied", "unchanged", "refused"]);
    assert!(matches!(stored.entries[2].outcome, Outcome::Refused(_)));
    assert_eq!(stored.replay().unwrap(), refused);
    let marked =
        "SELECT count(*) FROM payouts WHERE attention = 'delivered_twice' AND sequence = 3 AND version = 4";
    assert_eq!(test.query_number(marked).await, 1);
    test.assert_consistent().await;
}

pub(super) async fn one_of_several_concurrent_writers_at_a_version_commits(test: &TestStore) {
    for _ in 0..20 {
        let live = created(test, &payout()).await;
        let race = ["0xa", "0xb", "0xc"].map(|hash| {
            let (store, (write, after)) = (Arc::clone(&test.store), append(&live, broadcast(hash)));
            tokio::spawn(async move { (store.append(&[write]).await.unwrap()[0], after) })
        });
        let mut winners = Vec::new();
        for writer in race {
            match writer.await.unwrap() {
                (Appended::Committed, after) => winners.push(after),
                (Appended::Conflict, _) => {}
            }
        }
        assert_eq!(winners.len(), 1);
        assert_eq!(loaded(test, live.created().id).await, winners[0]);
    }
    test.assert_consistent().await;
}

pub(super) async fn writers_of_many_payouts_do_not_deadlock(test: &TestStore) {
    let payouts = several(test, 30).await;
    let writers: Vec<_> = (0..6)
        .map(|turn| {
            let mut batch: Vec<_> = payouts.iter().map(|payout| append(payout, broadcast("0xa")).0).collect();
            batch.rotate_left(turn * 5);
            let store = Arc::clone(&test.store);
            tokio::spawn(async move { store.append(&batch).await.unwrap() })
        })
        .collect();
    let mut committed = 0;
    for writer in writers {
        committed += writer.await.unwrap().iter().filter(|result| **result == Appended::Committed).count();
    }
    assert_eq!(committed, 30);
    test.assert_consistent().await;
}

pub(super) async fn unusual_texts_are_stored_unchanged(test: &TestStore) {
    let live = created(test, &payout()).await;
    let mut strange = failed("nul \0, quotes ' \" \\, 日本, \u{1f600}, \u{2028}, {\"$1\": null}");
    strange.key = ReportKey { source: "watcher\0/é".into(), id: "\0".into() };
    let after = recorded(test, &live, strange).await;
    assert_eq!(loaded(test, live.created().id).await, after);
    let messages = test.store.pending(Mode::Live, 10).await.unwrap();
    let body: serde_json::Value = serde_json::from_str(&messages[1].body).unwrap();
    let message = body["data"]["failure"]["message"].as_str().unwrap();
    assert_eq!(message, after.snapshot().failure().unwrap().message.as_ref());
}

pub(super) async fn a_large_batch_is_one_commit(test: &TestStore) {
    let payouts = several(test, 500).await;
    let batch: Vec<_> = payouts.iter().map(|payout| append(payout, delivered("0xa")).0).collect();
    assert_eq!(test.store.append(&batch).await.unwrap(), vec![Appended::Committed; 500]);
    assert_eq!(test.query_number("SELECT count(*) FROM outbox").await, 1500);
    test.assert_consistent().await;
}
