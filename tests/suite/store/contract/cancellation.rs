use std::sync::Arc;
use std::time::Duration;

use payoutd::api_keys::KeyDigest;
use payoutd::quotes::Quote;
use payoutd::reports::ParkedReport;
use payoutd::sandbox::PlannedReport;
use payoutd::store::Store;
use payoutd_domain::{Mode, Payout, PayoutId, ReportKey};
use uuid::Uuid;

use super::super::made::{append, at, create, delivered, payout, terms};
use super::World;

/// Calls everything, one call after the other, each dropped after `patience`.
async fn call_everything(store: Arc<dyn Store>, patience: Duration) {
    macro_rules! dropped {
        ($($call:expr),+ $(,)?) => { $(let _ = tokio::time::timeout(patience, $call).await;)+ };
    }
    let payouts = [payout(), payout(), payout()];
    let writes = [create(&payouts[0]), create(&payouts[1])];
    store.create(&[create(&payouts[2])]).await.unwrap();
    let (input, _) = append(&Payout::new(Arc::new(payouts[2].clone())), delivered("0xa"));
    let (id, quote) = (PayoutId(Uuid::now_v7()), terms(Mode::Test, "quo_dropped"));
    let key = ReportKey { source: "watcher".into(), id: "1".into() };
    let parked = ParkedReport {
        payout_id: id,
        key: key.clone(),
        body: "{}".into(),
        traceparent: None,
        parked_at: at(0),
        expires_at: at(1),
    };
    let planned = PlannedReport { payout_id: id, step: 0, due_at: at(0), body: "{}".into() };
    let quote = Quote { terms: Arc::new(quote), created_at: at(0), expires_at: at(60) };
    dropped![
        store.create(&writes),
        store.append(std::slice::from_ref(&input)),
        store.load(&[payouts[0].id, payouts[2].id]),
        store.due(at(100), 10),
        store.pending(Mode::Live, 10),
        store.mark_published(&[-1]),
        store.backlog(),
        store.put(&quote, None),
        store.get(&quote.terms.quote_id),
        store.find_or_create_org("acme", at(0)),
        store.find_key(&KeyDigest::of("x")),
        store.list_keys(None),
        store.expire_key(Uuid::nil(), at(0)),
        store.park(&parked),
        store.claimable(10),
        store.expired(at(0), 10),
        store.unpark(id, &key),
        store.parked(),
        store.insert_plan(std::slice::from_ref(&planned)),
        store.due_reports(at(0), 10),
        store.mark_reported(id, 0),
        store.setting("name", "value"),
        store.ping(),
    ];
}

pub(super) async fn dropped_calls_leave_nothing_half_done(world: &World) {
    let callers: Vec<_> = (0..60u64)
        .map(|turn| {
            tokio::spawn(call_everything(Arc::clone(&world.store), Duration::from_micros(turn * turn * 2)))
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    // What was dropped goes on by itself. It has ended once the store does nothing any more.
    let mut before = -1;
    loop {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let now = world.number("SELECT count(*) FROM outbox").await;
        if now == before {
            break;
        }
        before = now;
    }
    world.assert_no_open_transaction().await;
    world.assert_whole().await;
    // Every write that was begun has happened, whoever waited for it.
    assert_eq!(world.number("SELECT count(*) FROM payouts").await, 180);
    assert_eq!(world.number("SELECT count(*) FROM journal").await, 60);
    world.store.create(&[create(&payout())]).await.unwrap();
}
