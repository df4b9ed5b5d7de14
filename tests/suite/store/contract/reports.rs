use payoutd::reports::ParkedReport;
use payoutd::sandbox::PlannedReport;
use payoutd_domain::{PayoutId, ReportKey};
use uuid::Uuid;

use super::super::samples::{at, payout};
use super::{TestStore, created};

fn parked(payout_id: PayoutId, id: &str, parked: i64) -> ParkedReport {
    ParkedReport {
        payout_id,
        key: ReportKey { source: "watcher".into(), id: id.into() },
        body: format!("{{\"id\":\"{id}\"}}"),
        traceparent: (id == "a").then(|| "00-trace".into()),
        parked_at: at(parked),
        expires_at: at(parked + 100),
    }
}

pub(super) async fn a_report_is_parked_once(test: &TestStore) {
    let live = created(test, &payout()).await;
    let first = parked(live.created().id, "a", 1);
    test.store.park(&first).await.unwrap();
    test.store.park(&ParkedReport { body: "other".into(), ..first.clone() }).await.unwrap();
    assert_eq!(test.store.parked().await.unwrap(), 1);
    assert_eq!(test.store.claimable(10).await.unwrap(), [first]);
}

pub(super) async fn a_parked_report_is_claimable_once_its_payout_exists(test: &TestStore) {
    let (soon, never) = (payout(), PayoutId(Uuid::now_v7()));
    let [b, a] = [parked(soon.id, "b", 2), parked(soon.id, "a", 1)];
    for report in [&b, &parked(never, "x", 0), &a] {
        test.store.park(report).await.unwrap();
    }
    assert_eq!(test.store.claimable(10).await.unwrap(), []);
    created(test, &soon).await;
    assert_eq!(test.store.claimable(10).await.unwrap(), [a.clone(), b.clone()], "oldest first");
    assert_eq!(test.store.claimable(1).await.unwrap(), std::slice::from_ref(&a));
    test.store.unpark(soon.id, &a.key).await.unwrap();
    test.store.unpark(soon.id, &a.key).await.unwrap();
    assert_eq!(test.store.claimable(10).await.unwrap(), [b]);
    assert_eq!(test.store.parked().await.unwrap(), 2);
}

pub(super) async fn parked_reports_expire(test: &TestStore) {
    let nowhere = PayoutId(Uuid::now_v7());
    let [b, a] = [parked(nowhere, "b", 2), parked(nowhere, "a", 1)];
    test.store.park(&b).await.unwrap();
    test.store.park(&a).await.unwrap();
    assert_eq!(test.store.expired(at(100), 10).await.unwrap(), []);
    assert_eq!(test.store.expired(at(101), 10).await.unwrap(), std::slice::from_ref(&a));
    assert_eq!(test.store.expired(at(500), 10).await.unwrap(), [a.clone(), b]);
    assert_eq!(test.store.expired(at(500), 1).await.unwrap(), [a]);
}

fn planned(payout_id: PayoutId, step: u32, due: i64) -> PlannedReport {
    PlannedReport { payout_id, step, due_at: at(due), body: format!("step {step}") }
}

pub(super) async fn a_planned_report_is_not_replaced(test: &TestStore) {
    let id = PayoutId(Uuid::now_v7());
    let plan = [planned(id, 0, 1), planned(id, 1, 2)];
    test.store.insert_plan(&plan).await.unwrap();
    test.store.insert_plan(&[planned(id, 1, 9), planned(id, 2, 3)]).await.unwrap();
    test.store.insert_plan(&[]).await.unwrap();
    let due = test.store.due_reports(at(100), 10).await.unwrap();
    assert_eq!(due, [plan[0].clone(), plan[1].clone(), planned(id, 2, 3)]);
}

pub(super) async fn planned_reports_are_read_when_due(test: &TestStore) {
    let [first, second] = [PayoutId(Uuid::from_u128(1)), PayoutId(Uuid::from_u128(2))];
    let plan = [planned(second, 0, 1), planned(first, 1, 2), planned(first, 0, 2), planned(second, 1, 9)];
    test.store.insert_plan(&plan).await.unwrap();
    assert_eq!(test.store.due_reports(at(0), 10).await.unwrap(), []);
    let due = test.store.due_reports(at(2), 10).await.unwrap();
    assert_eq!(due, [plan[0].clone(), plan[2].clone(), plan[1].clone()], "and steps in order");
    assert_eq!(test.store.due_reports(at(2), 1).await.unwrap(), [plan[0].clone()]);
    test.store.mark_reported(second, 0).await.unwrap();
    test.store.mark_reported(second, 0).await.unwrap();
    assert_eq!(test.store.due_reports(at(2), 1).await.unwrap(), [plan[2].clone()]);
}
