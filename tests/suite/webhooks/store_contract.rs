//! The contract of `WebhookStore`, which both stores must fulfil.

use std::time::Duration;

use payoutd::webhooks::{
    Attempt, AttemptError, DeliveryStatus, DisabledReason, DueDelivery, Endpoint, EndpointId, EventType,
    NewDelivery, Outcome, RecordedAttempt, SigningSecret,
};
use payoutd_actors::testing::sample;
use payoutd_domain::{Account, Mode, OrgId, Sequence, Timestamp};
use uuid::Uuid;

use super::harness::{HarnessOptions, WebhookHarness};

macro_rules! contract_tests {
    ($($name:ident),+ $(,)?) => {
        mod postgres {
            use super::{WebhookHarness, HarnessOptions};
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(&WebhookHarness::postgres(HarnessOptions::default()).await).await;
            })+
        }
        mod sqlite {
            use super::{WebhookHarness, HarnessOptions};
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(&WebhookHarness::sqlite(HarnessOptions::default()).await).await;
            })+
        }
    };
}

contract_tests! {
    every_statement_matches_the_schema,
    a_stored_endpoint_is_read_back_unchanged,
    each_account_has_a_limit_of_endpoints,
    a_commit_inserts_deliveries_for_the_subscribed_endpoints,
    a_refused_commit_inserts_no_deliveries,
    only_the_first_waiting_delivery_of_a_payout_is_due,
    a_failure_defers_the_later_deliveries_of_the_payout,
    a_change_committed_behind_a_retry_is_due_with_the_retry,
    abandoning_a_delivery_skips_the_waiting_deliveries_of_its_endpoint,
    recording_an_attempt_is_idempotent,
    an_endpoint_with_many_deliveries_does_not_hide_other_endpoints,
    a_replay_inserts_missing_deliveries,
    old_deliveries_are_deleted_unless_they_wait,
    a_deleted_endpoint_has_no_waiting_deliveries,
}

const URL: &str = "http://127.0.0.1:9999/";

fn attempt(at: Timestamp) -> Attempt {
    Attempt {
        at,
        status: None,
        error: Some(AttemptError::TimedOut),
        duration_ms: 7,
        answer: "é\n\u{fffd}\"\\".into(),
    }
}

async fn due(harness: &WebhookHarness) -> Vec<DueDelivery> {
    harness.store.due_deliveries(harness.now(), 100, 1000, &[]).await.unwrap()
}

async fn record(harness: &WebhookHarness, due: &DueDelivery, outcome: Outcome) {
    let at = harness.now();
    let recorded = RecordedAttempt {
        id: due.delivery.id,
        endpoint_id: due.endpoint.id,
        attempts: due.delivery.attempts + 1,
        outcome,
        log: vec![attempt(at)],
        at,
    };
    harness.store.record_attempt(&recorded).await.unwrap();
}

async fn every_statement_matches_the_schema(harness: &WebhookHarness) {
    harness.store.check_statements().await.unwrap();
}

async fn a_stored_endpoint_is_read_back_unchanged(harness: &WebhookHarness) {
    let mut endpoint = harness.endpoint(Mode::Live, URL).await;
    assert_eq!(harness.find(endpoint.id).await, endpoint);
    let (secret, until) = (SigningSecret::generate().unwrap(), harness.now().plus_seconds(60));
    assert!(harness.store.rotate_secret(endpoint.id, &secret, until, None).await.unwrap());
    endpoint.previous_secret = Some((std::mem::replace(&mut endpoint.secret, secret), until));
    assert_eq!(harness.find(endpoint.id).await, endpoint);
    let [live, test] = [Mode::Live, Mode::Test].map(|mode| Account { org: endpoint.org, mode });
    assert_eq!(harness.store.endpoints(live).await.unwrap(), [endpoint.clone()]);
    assert_eq!(harness.store.endpoints(test).await.unwrap(), []);
    assert!(harness.store.delete_endpoint(endpoint.id).await.unwrap());
    assert!(!harness.store.delete_endpoint(endpoint.id).await.unwrap());
    assert!(!harness.store.rotate_secret(endpoint.id, &endpoint.secret, until, None).await.unwrap());
    assert!(!harness.store.enable_endpoint(endpoint.id).await.unwrap());
    assert_eq!(harness.store.endpoint(endpoint.id).await.unwrap(), None);
}

async fn each_account_has_a_limit_of_endpoints(harness: &WebhookHarness) {
    let first = harness.endpoint(Mode::Live, URL).await;
    let another = Endpoint { id: EndpointId(Uuid::now_v7()), ..first.clone() };
    assert!(!harness.store.insert_endpoint(&another, 1, None).await.unwrap());
    assert!(harness.store.insert_endpoint(&another, 2, None).await.unwrap());
    let others = Endpoint { id: EndpointId(Uuid::now_v7()), org: OrgId(Uuid::now_v7()), ..first };
    assert!(harness.store.insert_endpoint(&others, 1, None).await.unwrap());
}

async fn a_commit_inserts_deliveries_for_the_subscribed_endpoints(harness: &WebhookHarness) {
    let all = harness.endpoint(Mode::Live, URL).await;
    let default_types = harness.endpoint_unchecked(Mode::Live, URL).await;
    let test = harness.endpoint_unchecked(Mode::Test, URL).await;
    let foreign =
        Endpoint { id: EndpointId(Uuid::now_v7()), org: OrgId(Uuid::now_v7()), ..default_types.clone() };
    assert!(harness.store.insert_endpoint(&foreign, 9, None).await.unwrap());
    let mut payout = harness.payout(Mode::Live, "order-1").await;
    assert_eq!(harness.deliveries(all.id).await, [], "a creation is not sent as a webhook");
    harness.late(&mut payout).await;
    // Two changes in one commit.
    harness.report(&mut payout, sample::delivered("aa")).await;
    let kinds = async |id| {
        let found = harness.deliveries(id).await;
        found.iter().map(|d| (d.sequence.0, d.kind)).collect::<Vec<_>>()
    };
    use EventType::{Broadcast, Delivered, Late};
    assert_eq!(kinds(all.id).await, [(2, Late), (3, Broadcast), (4, Delivered)]);
    assert_eq!(kinds(default_types.id).await, [(3, Broadcast), (4, Delivered)]);
    assert_eq!((kinds(test.id).await, kinds(foreign.id).await), (vec![], vec![]));
    let found = harness.deliveries(all.id).await;
    assert!(found.iter().all(|d| d.status == DeliveryStatus::Waiting && d.attempts == 0 && d.log.is_empty()));
    assert_eq!(found[0].created_at, harness.now());
}

async fn a_refused_commit_inserts_no_deliveries(harness: &WebhookHarness) {
    let endpoint = harness.endpoint(Mode::Live, URL).await;
    let mut payout = harness.payout(Mode::Live, "order-1").await;
    let mut stale = payout.clone();
    harness.report(&mut payout, sample::broadcast("aa", None)).await;
    assert!(!harness.try_report(&mut stale, sample::delivered("bb")).await);
    assert_eq!(harness.deliveries(endpoint.id).await.len(), 1);
}

async fn only_the_first_waiting_delivery_of_a_payout_is_due(harness: &WebhookHarness) {
    let endpoint = harness.endpoint(Mode::Live, URL).await;
    harness.delivered(Mode::Live, "a").await;
    harness.delivered(Mode::Live, "b").await;
    let found = due(harness).await;
    assert_eq!(found.iter().map(|d| d.delivery.sequence.0).collect::<Vec<_>>(), [2, 2]);
    assert_eq!(found[0].endpoint, endpoint);
    record(harness, &found[0], Outcome::Succeeded).await;
    let found = due(harness).await;
    assert_eq!(found.iter().map(|d| d.delivery.sequence.0).sum::<i64>(), 5);
    assert_eq!(harness.store.due_deliveries(harness.now(), 100, 1, &[]).await.unwrap().len(), 1);
    assert_eq!(harness.store.due_deliveries(harness.now(), 100, 9, &[endpoint.id]).await.unwrap(), []);
}

async fn a_failure_defers_the_later_deliveries_of_the_payout(harness: &WebhookHarness) {
    let endpoint = harness.endpoint(Mode::Live, URL).await;
    harness.delivered(Mode::Live, "a").await;
    let first = due(harness).await.remove(0);
    let retry = harness.now().plus_seconds(300);
    record(harness, &first, Outcome::RetryAt(retry)).await;
    let found = harness.deliveries(endpoint.id).await;
    assert_eq!((found[0].attempts, found[0].log.clone()), (1, vec![attempt(harness.now())]));
    assert!(found.iter().all(|d| d.next_attempt_at == retry));
    assert_eq!(harness.find(endpoint.id).await.failing_since, Some(harness.now()));
    assert_eq!(due(harness).await, []);
    harness.clock.advance(Duration::from_secs(300));
    let again = due(harness).await.remove(0);
    assert_eq!(again.delivery.id, first.delivery.id);
    record(harness, &again, Outcome::Deferred(harness.now())).await;
    assert!(
        harness.find(endpoint.id).await.failing_since.is_some(),
        "a deferral does not change the state of the endpoint"
    );
    record(harness, &again, Outcome::Succeeded).await;
    assert_eq!(harness.find(endpoint.id).await.failing_since, None);
    assert_eq!(due(harness).await[0].delivery.sequence, Sequence(3));
}

async fn a_change_committed_behind_a_retry_is_due_with_the_retry(harness: &WebhookHarness) {
    let endpoint = harness.endpoint(Mode::Live, URL).await;
    let mut payout = harness.payout(Mode::Live, "a").await;
    harness.report(&mut payout, sample::broadcast("aa", None)).await;
    let retry = harness.now().plus_seconds(3600);
    let first = due(harness).await.remove(0);
    record(harness, &first, Outcome::RetryAt(retry)).await;
    harness.report(&mut payout, sample::delivered("aa")).await;
    assert_eq!(harness.deliveries(endpoint.id).await[1].next_attempt_at, retry);
    // The state that a commit leaves which does not see a concurrent success.
    record(harness, &first, Outcome::Succeeded).await;
    let later = harness.deliveries(endpoint.id).await.remove(1);
    let stuck = RecordedAttempt {
        id: later.id,
        endpoint_id: endpoint.id,
        attempts: 0,
        outcome: Outcome::Deferred(retry),
        log: Vec::new(),
        at: harness.now(),
    };
    harness.store.record_attempt(&stuck).await.unwrap();
    assert_eq!(due(harness).await, []);
    harness.store.maintain_deliveries(harness.now(), Timestamp::EPOCH).await.unwrap();
    assert_eq!(due(harness).await.len(), 1, "maintenance makes it due");
}

async fn abandoning_a_delivery_skips_the_waiting_deliveries_of_its_endpoint(harness: &WebhookHarness) {
    let endpoint = harness.endpoint(Mode::Live, URL).await;
    let other = harness.endpoint(Mode::Live, URL).await;
    harness.delivered(Mode::Live, "a").await;
    harness.delivered(Mode::Live, "b").await;
    let first = due(harness).await.into_iter().find(|due| due.endpoint.id == endpoint.id).unwrap();
    record(harness, &first, Outcome::Abandoned(DisabledReason::Failing)).await;
    let statuses: Vec<_> = harness.deliveries(endpoint.id).await.iter().map(|d| d.status).collect();
    use DeliveryStatus::{Failed, Skipped, Waiting};
    assert_eq!(statuses, [Failed, Skipped, Skipped, Skipped]);
    assert!(harness.deliveries(other.id).await.iter().all(|d| d.status == Waiting));
    let found = harness.find(endpoint.id).await;
    assert_eq!(found.disabled, Some((harness.now(), DisabledReason::Failing)));
    let waiting = harness.store.delivery_backlog(harness.now()).await.unwrap();
    assert_eq!((waiting.waiting, waiting.disabled_endpoints), (4, 1));
    harness.delivered(Mode::Live, "c").await;
    assert_eq!(harness.deliveries(endpoint.id).await[4].status, Skipped);
    assert!(harness.store.enable_endpoint(endpoint.id).await.unwrap());
    let found = harness.find(endpoint.id).await;
    assert_eq!((found.disabled, found.failing_since), (None, None));
    harness.delivered(Mode::Live, "d").await;
    assert_eq!(harness.deliveries(endpoint.id).await[6].status, Waiting);
}

async fn recording_an_attempt_is_idempotent(harness: &WebhookHarness) {
    let endpoint = harness.endpoint(Mode::Live, URL).await;
    harness.delivered(Mode::Live, "a").await;
    let first = due(harness).await.remove(0);
    record(harness, &first, Outcome::Succeeded).await;
    let once = harness.deliveries(endpoint.id).await;
    record(harness, &first, Outcome::Succeeded).await;
    record(harness, &first, Outcome::RetryAt(harness.now())).await;
    assert_eq!(harness.deliveries(endpoint.id).await, once);
}

async fn an_endpoint_with_many_deliveries_does_not_hide_other_endpoints(harness: &WebhookHarness) {
    let busy = harness.endpoint(Mode::Live, URL).await;
    for number in 0..30 {
        harness.delivered(Mode::Live, &format!("{number}")).await;
    }
    harness.clock.advance(Duration::from_secs(1));
    let late = harness.endpoint(Mode::Live, URL).await;
    harness.delivered(Mode::Live, "last").await;
    let found = harness.store.due_deliveries(harness.now(), 4, 100, &[]).await.unwrap();
    let of = |id| found.iter().filter(|due| due.endpoint.id == id).count();
    assert_eq!((of(busy.id), of(late.id)), (4, 1));
}

async fn a_replay_inserts_missing_deliveries(harness: &WebhookHarness) {
    let payout = harness.delivered(Mode::Live, "a").await.snapshot().payout.id;
    let endpoint = harness.endpoint(Mode::Live, URL).await;
    let new = |sequence, kind| NewDelivery {
        payout_id: payout,
        sequence: Sequence(sequence),
        kind,
        committed_at: harness.now(),
    };
    let both = [new(2, EventType::Broadcast), new(3, EventType::Delivered)];
    assert_eq!(harness.store.replay(endpoint.id, &both, harness.now()).await.unwrap(), 2);
    let first = due(harness).await.remove(0);
    assert_eq!(first.delivery.sequence, Sequence(2));
    record(harness, &first, Outcome::Succeeded).await;
    let second = due(harness).await.remove(0);
    record(harness, &second, Outcome::Succeeded).await;
    assert_eq!(harness.store.replay(endpoint.id, &both[1..], harness.now()).await.unwrap(), 1);
    let again = due(harness).await.remove(0).delivery;
    assert_eq!((again.id, again.attempts, again.log.len()), (second.delivery.id, 0, 1));
    let since = harness.now().plus_seconds(1);
    assert_eq!(harness.store.replay_since(endpoint.id, since, harness.now()).await.unwrap(), 0);
    assert_eq!(harness.store.replay_since(endpoint.id, harness.now(), harness.now()).await.unwrap(), 2);
    assert_eq!(harness.store.replay(endpoint.id, &[], harness.now()).await.unwrap(), 0);
}

async fn old_deliveries_are_deleted_unless_they_wait(harness: &WebhookHarness) {
    let endpoint = harness.endpoint(Mode::Live, URL).await;
    harness.delivered(Mode::Live, "a").await;
    let first = due(harness).await.remove(0);
    record(harness, &first, Outcome::Succeeded).await;
    let cutoff = harness.now().plus_seconds(1);
    harness.clock.advance(Duration::from_secs(2));
    harness.delivered(Mode::Live, "b").await;
    assert_eq!(harness.store.replay(endpoint.id, &[], harness.now()).await.unwrap(), 0);
    let second = due(harness).await.remove(0);
    record(harness, &second, Outcome::RetryAt(harness.now())).await;
    let deleted = harness.store.maintain_deliveries(harness.now(), cutoff).await.unwrap();
    assert_eq!(deleted, 1, "a delivery that waits for a retry is kept");
    assert_eq!(harness.deliveries(endpoint.id).await.len(), 3);
    let page = harness.store.deliveries(endpoint.id, None, 2).await.unwrap();
    let rest = harness.store.deliveries(endpoint.id, Some(page[1].id), 2).await.unwrap();
    assert!(page.len() == 2 && rest.len() == 1 && rest[0].id < page[1].id && page[1].id < page[0].id);
}

async fn a_deleted_endpoint_has_no_waiting_deliveries(harness: &WebhookHarness) {
    let endpoint = harness.endpoint(Mode::Live, URL).await;
    harness.delivered(Mode::Live, "a").await;
    assert!(harness.store.delete_endpoint(endpoint.id).await.unwrap());
    assert_eq!(due(harness).await, []);
    harness.delivered(Mode::Live, "b").await;
    assert_eq!(harness.store.delivery_backlog(harness.now()).await.unwrap().waiting, 0);
}
