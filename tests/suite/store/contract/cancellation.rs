use std::sync::Arc;
use std::time::Duration;

use payoutd::api_keys::KeyDigest;
use payoutd::quotes::Quote;
use payoutd::reports::ParkedReport;
use payoutd::sandbox::PlannedReport;
use payoutd::store::Store;
use payoutd_domain::{Mode, Payout, PayoutId, ReportKey};
use uuid::Uuid;

use super::super::samples::{append, at, create, delivered, payout, terms};
use super::TestStore;

/// Calls every function once, in turn. Each call is dropped after `limit`.
async fn call_everything(store: Arc<dyn Store>, limit: Duration) {
    macro_rules! dropped {
        ($($call:expr),+ $(,)?) => { $(let _ = tokio::time::timeout(limit, $call).await;)+ };
    }
    let payouts = [payout(), payout(), payout()];
    let writes = [create(&payouts[0]), create(&payouts[1])];
    store.create(&[create(&payouts[2])]).await.unwrap();
    let (input, _) = append(&Payout::new(Arc::new(payouts[2].clone())), delivered("0xa"));
    let (id, quote) = (PayoutId(Uuid::now_v7()), terms(Mode::Test, "quo_cancelled"));
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

pub(super) async fn cancelled_calls_leave_no_partial_write(test: &TestStore) {
    let callers: Vec<_> = (0..60u64)
        .map(|turn| {
            tokio::spawn(call_everything(Arc::clone(&test.store), Duration::from_micros(turn * turn * 2)))
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    // Dropped writes continue in their own tasks. They have ended once the number of rows no longer changes.
    let mut before = -1;
    loop {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let now = test.query_number("SELECT count(*) FROM outbox").await;
        if now == before {
            break;
        }
        before = now;
    }
    test.assert_no_open_transaction().await;
    test.assert_consistent().await;
    // Every write that was started is committed, including those whose caller was dropped.
    assert_eq!(test.query_number("SELECT count(*) FROM payouts").await, 180);
    assert_eq!(test.query_number("SELECT count(*) FROM journal").await, 60);
    test.store.create(&[create(&payout())]).await.unwrap();
}
