use payoutd_actors::ports::Appended;
use payoutd_domain::{NewPayout, PayoutId};
use uuid::Uuid;

use super::super::made::{at, broadcast, create, delivered, failed, late, payout, payout_due_in};
use super::{World, created, loaded, recorded};

pub(super) async fn many_load_in_order_with_gaps(world: &World) {
    let payouts: Vec<NewPayout> = (0..20).map(|_| payout()).collect();
    world.store.create(&payouts.iter().map(create).collect::<Vec<_>>()).await.unwrap();
    let missing = PayoutId(Uuid::now_v7());
    let mut ids: Vec<PayoutId> = payouts.iter().rev().map(|payout| payout.id).collect();
    ids.insert(7, missing);
    ids.push(ids[0]);
    let stored = world.store.load(&ids).await.unwrap();
    assert_eq!(stored.len(), ids.len());
    for (id, stored) in ids.iter().zip(&stored) {
        assert_eq!(stored.as_ref().map(|stored| stored.created.id), (*id != missing).then_some(*id));
    }
    assert!(world.store.load(&[]).await.unwrap().is_empty());
}

pub(super) async fn replaying_gives_the_row(world: &World) {
    let live = created(world, &payout()).await;
    let live = recorded(world, &live, broadcast("0xa")).await;
    let live = recorded(world, &live, broadcast("0xb")).await;
    let (write, live) = late(&live);
    assert_eq!(world.store.append(&[write]).await.unwrap(), [Appended::Committed]);
    let stored = loaded(world, live.created().id).await;
    assert_eq!(stored, live);
    let row = |column: &str| format!("SELECT {column} FROM payouts");
    assert_eq!(world.number(&row("version")).await, stored.version().0);
    assert_eq!(world.number(&row("sequence")).await, stored.sequence().0);
    assert_eq!(world.number(&row("count(*)")).await, 1);
    assert_eq!(world.number("SELECT count(*) FROM payouts WHERE late AND status = 'broadcast'").await, 1);
    assert!(stored.snapshot().late());
}

pub(super) async fn a_damaged_entry_harms_its_payout_alone(world: &World) {
    let whole = created(world, &payout()).await;
    let whole = recorded(world, &whole, broadcast("0xa")).await;
    for damage in ["{}", "[1]", r#"{"version":7,"recorded_at":"2026-01-01T00:00:00Z","cause":"due_passed"}"#]
    {
        let hurt = created(world, &payout()).await;
        let hurt = recorded(world, &hurt, broadcast("0xa")).await;
        let hurt = recorded(world, &hurt, delivered("0xa")).await;
        let id = hurt.created().id;
        let row = world.id(id);
        world
            .tamper(&format!("UPDATE journal SET entry = '{damage}' WHERE payout_id = {row} AND version = 2"))
            .await;
        let stored = world.store.load(&[id, whole.created().id]).await.unwrap();
        assert!(stored[0].as_ref().expect("not missing").replay().is_err(), "{damage}");
        assert_eq!(stored[1].as_ref().unwrap().replay().unwrap(), whole);
    }
}

pub(super) async fn a_damaged_row_harms_its_payout_alone(world: &World) {
    let whole = created(world, &payout()).await;
    let never = format!("created_at = {}", world.impossible_time());
    for damage in [never.as_str(), "estimated_seconds = 99999999999", "quote_id = 'no quote'"] {
        let id = created(world, &payout()).await.created().id;
        let row = world.id(id);
        world.tamper(&format!("UPDATE payouts SET {damage} WHERE id = {row}")).await;
        let stored = world.store.load(&[whole.created().id, id]).await.unwrap();
        assert_eq!(stored[0].as_ref().unwrap().replay().unwrap(), whole);
        let hurt = stored[1].as_ref().expect("not missing");
        assert_eq!(hurt.created.id, id);
        assert!(hurt.replay().is_err(), "{damage}");
    }
}

pub(super) async fn a_journal_shorter_than_its_row_is_damaged(world: &World) {
    let live = created(world, &payout()).await;
    recorded(world, &live, broadcast("0xa")).await;
    world.tamper("DELETE FROM journal").await;
    let stored = world.store.load(&[live.created().id]).await.unwrap();
    assert!(stored[0].as_ref().unwrap().replay().is_err());
}

pub(super) async fn the_overdue_are_found_most_overdue_first(world: &World) {
    let payouts = [30, 10, 20, 40].map(payout_due_in);
    world.store.create(&payouts.iter().map(create).collect::<Vec<_>>()).await.unwrap();
    let ids = payouts.map(|payout| payout.id);
    assert_eq!(world.store.due(at(9), 10).await.unwrap(), []);
    assert_eq!(world.store.due(at(10), 10).await.unwrap(), [ids[1]], "at the very moment");
    assert_eq!(world.store.due(at(35), 10).await.unwrap(), [ids[1], ids[2], ids[0]]);
    assert_eq!(world.store.due(at(35), 2).await.unwrap(), [ids[1], ids[2]]);
}

pub(super) async fn the_ended_and_the_late_are_not_due(world: &World) {
    let delivered_one = created(world, &payout()).await;
    recorded(world, &delivered_one, delivered("0xa")).await;
    let failed_one = created(world, &payout()).await;
    recorded(world, &failed_one, failed("no")).await;
    let (write, late_one) = late(&created(world, &payout()).await);
    world.store.append(&[write]).await.unwrap();
    let under_way = created(world, &payout()).await;
    let under_way = recorded(world, &under_way, broadcast("0xa")).await;
    assert_eq!(world.store.due(at(1_000_000), 10).await.unwrap(), [under_way.created().id]);
    // News of a later time makes a late payout due again.
    recorded(world, &late_one, broadcast("0xa")).await;
    assert_eq!(world.store.due(at(1_000_000), 10).await.unwrap().len(), 2);
}
