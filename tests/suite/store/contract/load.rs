use payoutd_actors::ports::Appended;
use payoutd_domain::{NewPayout, PayoutId};
use uuid::Uuid;

use super::super::samples::{at, broadcast, create, delivered, failed, late, payout, payout_due_in};
use super::{TestStore, created, loaded, recorded};

pub(super) async fn payouts_load_in_order_with_none_for_missing_ones(test: &TestStore) {
    let payouts: Vec<NewPayout> = (0..20).map(|_| payout()).collect();
    test.store.create(&payouts.iter().map(create).collect::<Vec<_>>()).await.unwrap();
    let missing = PayoutId(Uuid::now_v7());
    let mut ids: Vec<PayoutId> = payouts.iter().rev().map(|payout| payout.id).collect();
    ids.insert(7, missing);
    ids.push(ids[0]);
    let stored = test.store.load(&ids).await.unwrap();
    assert_eq!(stored.len(), ids.len());
    for (id, stored) in ids.iter().zip(&stored) {
        assert_eq!(stored.as_ref().map(|stored| stored.created.id), (*id != missing).then_some(*id));
    }
    assert!(test.store.load(&[]).await.unwrap().is_empty());
}

pub(super) async fn the_replay_matches_the_row(test: &TestStore) {
    let live = created(test, &payout()).await;
    let live = recorded(test, &live, broadcast("0xa")).await;
    let live = recorded(test, &live, broadcast("0xb")).await;
    let (write, live) = late(&live);
    assert_eq!(test.store.append(&[write]).await.unwrap(), [Appended::Committed]);
    let stored = loaded(test, live.created().id).await;
    assert_eq!(stored, live);
    let row = |column: &str| format!("SELECT {column} FROM payouts");
    assert_eq!(test.query_number(&row("version")).await, stored.version().0);
    assert_eq!(test.query_number(&row("sequence")).await, stored.sequence().0);
    assert_eq!(test.query_number(&row("count(*)")).await, 1);
    assert_eq!(
        test.query_number("SELECT count(*) FROM payouts WHERE late AND status = 'broadcast'").await,
        1
    );
    assert!(stored.snapshot().late());
}

pub(super) async fn an_invalid_entry_fails_the_replay_of_its_payout_only(test: &TestStore) {
    let valid = created(test, &payout()).await;
    let valid = recorded(test, &valid, broadcast("0xa")).await;
    for value in ["{}", "[1]", r#"{"version":7,"recorded_at":"2026-01-01T00:00:00Z","cause":"due_passed"}"#] {
        let invalid = created(test, &payout()).await;
        let invalid = recorded(test, &invalid, broadcast("0xa")).await;
        let invalid = recorded(test, &invalid, delivered("0xa")).await;
        let id = invalid.created().id;
        let row = test.id(id);
        test.execute(&format!(
            "UPDATE journal SET entry = '{value}' WHERE payout_id = {row} AND version = 2"
        ))
        .await;
        let stored = test.store.load(&[id, valid.created().id]).await.unwrap();
        assert!(stored[0].as_ref().expect("not missing").replay().is_err(), "{value}");
        assert_eq!(stored[1].as_ref().unwrap().replay().unwrap(), valid);
    }
}

pub(super) async fn an_invalid_row_fails_the_replay_of_its_payout_only(test: &TestStore) {
    let valid = created(test, &payout()).await;
    let never = format!("created_at = {}", test.impossible_time());
    for value in [never.as_str(), "estimated_seconds = 99999999999", "quote_id = 'no quote'"] {
        let id = created(test, &payout()).await.created().id;
        let row = test.id(id);
        test.execute(&format!("UPDATE payouts SET {value} WHERE id = {row}")).await;
        let stored = test.store.load(&[valid.created().id, id]).await.unwrap();
        assert_eq!(stored[0].as_ref().unwrap().replay().unwrap(), valid);
        let invalid = stored[1].as_ref().expect("not missing");
        assert_eq!(invalid.created.id, id);
        assert!(invalid.replay().is_err(), "{value}");
    }
}

pub(super) async fn a_journal_that_ends_before_its_row_fails_the_replay(test: &TestStore) {
    let live = created(test, &payout()).await;
    recorded(test, &live, broadcast("0xa")).await;
    test.execute("DELETE FROM journal").await;
    let stored = test.store.load(&[live.created().id]).await.unwrap();
    assert!(stored[0].as_ref().unwrap().replay().is_err());
}

pub(super) async fn overdue_payouts_are_found_most_overdue_first(test: &TestStore) {
    let payouts = [30, 10, 20, 40].map(payout_due_in);
    test.store.create(&payouts.iter().map(create).collect::<Vec<_>>()).await.unwrap();
    let ids = payouts.map(|payout| payout.id);
    assert_eq!(test.store.due(at(9), 10).await.unwrap(), []);
    assert_eq!(test.store.due(at(10), 10).await.unwrap(), [ids[1]], "at the estimated time");
    assert_eq!(test.store.due(at(35), 10).await.unwrap(), [ids[1], ids[2], ids[0]]);
    assert_eq!(test.store.due(at(35), 2).await.unwrap(), [ids[1], ids[2]]);
}

pub(super) async fn ended_and_late_payouts_are_not_due(test: &TestStore) {
    let delivered_one = created(test, &payout()).await;
    recorded(test, &delivered_one, delivered("0xa")).await;
    let failed_one = created(test, &payout()).await;
    recorded(test, &failed_one, failed("no")).await;
    let (write, late_one) = late(&created(test, &payout()).await);
    test.store.append(&[write]).await.unwrap();
    let under_way = created(test, &payout()).await;
    let under_way = recorded(test, &under_way, broadcast("0xa")).await;
    assert_eq!(test.store.due(at(1_000_000), 10).await.unwrap(), [under_way.created().id]);
    // A report with a later estimate makes a late payout due again.
    recorded(test, &late_one, broadcast("0xa")).await;
    assert_eq!(test.store.due(at(1_000_000), 10).await.unwrap().len(), 2);
}
