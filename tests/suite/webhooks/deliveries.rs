//! What receivers see: order, retries, replays, and the end of the retry schedule.

use std::time::Duration;

use payoutd::webhooks::{
    DeliveryStatus, DisabledReason, MessageId, RETRY_DELAYS, ReplayRequest, WebhookError, sign,
};
use payoutd_actors::testing::sample;
use payoutd_domain::{Mode, Payout, Sequence};

use super::harness::{HarnessOptions, WebhookHarness, acme};
use super::receiver::Receiver;
use crate::support::eventually;

fn id_of(payout: &Payout) -> payoutd_domain::PayoutId {
    payout.snapshot().payout.id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_sent_immediately_signed_and_with_the_body_of_a_poll() {
    let (mut harness, receiver) =
        (WebhookHarness::sqlite(HarnessOptions::default()).await, Receiver::start().await);
    let endpoint = harness.endpoint(Mode::Live, &receiver.url).await;
    harness.start();
    let payout = harness.delivered(Mode::Live, "order-1").await;
    harness
        .until(endpoint.id, "both succeeded", |all| all.iter().all(|d| d.status == DeliveryStatus::Succeeded))
        .await;
    let received = receiver.received();
    assert_eq!(receiver.sequences(), [2, 3]);
    let last = &received[1];
    assert_eq!(last.body["type"], "payout.delivered");
    assert_eq!(last.body["data"]["previous_status"], "broadcast");
    let mut data = last.body["data"].clone();
    data.as_object_mut().unwrap().remove("previous_status");
    let renderer = payoutd::wire::Renderer::new("https://pay.example");
    assert_eq!(data, serde_json::to_value(renderer.payout(&payout.snapshot())).unwrap());
    assert_eq!(last.id, MessageId::of(endpoint.id, id_of(&payout), Sequence(3)).to_string());
    assert_eq!(last.signature, sign([&endpoint.secret], &last.id, last.timestamp, &last.text));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_later_change_waits_for_the_earlier_change_of_the_same_payout_only() {
    let (mut harness, receiver) =
        (WebhookHarness::sqlite(HarnessOptions::default()).await, Receiver::start().await);
    let endpoint = harness.endpoint(Mode::Live, &receiver.url).await;
    receiver.respond_once_with(&[500]);
    harness.start();
    let mut first = harness.payout(Mode::Live, "a").await;
    harness.report(&mut first, sample::broadcast("aa", None)).await;
    harness.until(endpoint.id, "one attempt", |all| all.iter().any(|d| d.attempts == 1)).await;
    harness.report(&mut first, sample::delivered("aa")).await;
    let second = harness.delivered(Mode::Live, "b").await;
    let own = id_of(&second).to_string();
    eventually("the other payout is sent", async || {
        let sent = receiver.received().into_iter().filter(|r| r.payout() == own).count();
        (sent == 2).then_some(())
    })
    .await;
    assert_eq!(receiver.received().iter().filter(|r| r.payout() != own).count(), 1, "the later change waits");
    harness.clock.advance(RETRY_DELAYS[0].mul_f64(1.2));
    harness
        .until(endpoint.id, "all succeeded", |all| all.iter().all(|d| d.status == DeliveryStatus::Succeeded))
        .await;
    let received: Vec<_> = receiver.received().into_iter().filter(|r| r.payout() != own).collect();
    assert_eq!(received.iter().map(|r| r.sequence()).collect::<Vec<_>>(), [2, 2, 3]);
    assert_eq!(received[0].id, received[1].id, "retries have the same id");
    assert_eq!(received[0].text, received[1].text);
    assert_ne!(received[0].timestamp, received[1].timestamp);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_delivery_is_lost_when_the_dispatcher_is_aborted() {
    let (mut harness, receiver) =
        (WebhookHarness::sqlite(HarnessOptions::default()).await, Receiver::start().await);
    let endpoint = harness.endpoint(Mode::Live, &receiver.url).await;
    harness.start();
    for round in 0..6 {
        for number in 0..5 {
            harness.delivered(Mode::Live, &format!("{round}/{number}")).await;
        }
        if round % 2 == 0 {
            harness.kill()
        } else {
            harness.stop().await
        }
        harness.start();
    }
    let all = harness
        .until(endpoint.id, "all succeeded", |all| all.iter().all(|d| d.status == DeliveryStatus::Succeeded))
        .await;
    assert_eq!(all.len(), 60);
    // At least once and in order, except for repetitions of attempts that were in flight.
    let mut seen = std::collections::HashMap::new();
    for received in receiver.received() {
        let highest = seen.entry(received.payout().to_owned()).or_insert(1);
        assert!(received.sequence() <= *highest + 1, "no change is skipped");
        *highest = received.sequence().max(*highest);
    }
    assert!(seen.len() == 30 && seen.values().all(|highest| *highest == 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_75_hours_of_failures_the_endpoint_is_disabled_and_can_be_replayed() {
    let (mut harness, receiver) =
        (WebhookHarness::sqlite(HarnessOptions::default()).await, Receiver::start().await);
    let endpoint = harness.endpoint(Mode::Live, &receiver.url).await;
    receiver.respond_with(503);
    harness.start();
    let began = harness.now();
    harness.delivered(Mode::Live, "order-1").await;
    for (number, wait) in (1..).zip(RETRY_DELAYS) {
        harness.until(endpoint.id, "an attempt", |all| all[0].attempts == number).await;
        let found = harness.find(endpoint.id).await;
        assert!(found.disabled.is_none() && found.failing_since.is_some());
        harness.clock.advance(wait.mul_f64(0.99));
        tokio::time::sleep(Duration::from_millis(60)).await;
        assert_eq!(
            harness.deliveries(endpoint.id).await[0].attempts,
            number,
            "no retry before the delay has passed"
        );
        harness.clock.advance(wait.mul_f64(0.12));
    }
    let all =
        harness.until(endpoint.id, "the last attempt", |all| all[0].status == DeliveryStatus::Failed).await;
    assert_eq!((all[0].attempts, all[0].log.len()), (10, 10));
    assert!(all[0].log.iter().all(|attempt| attempt.status == Some(503)));
    assert!(all[0].log[9].at.seconds_since(began) >= 75.0 * 3600.0);
    assert_eq!((all[1].status, all[1].attempts), (DeliveryStatus::Skipped, 0));
    assert_eq!(harness.find(endpoint.id).await.disabled.unwrap().1, DisabledReason::Failing);

    // Changes while the endpoint is disabled are recorded as skipped and can be replayed.
    let meanwhile = harness.delivered(Mode::Live, "order-2").await;
    let owner = acme(Mode::Live);
    let since = ReplayRequest::Since(began);
    assert_eq!(harness.service.replay(owner, endpoint.id, since).await, Err(WebhookError::Disabled));
    let before = receiver.received().len();
    receiver.respond_with(204);
    assert!(harness.service.enable(owner, endpoint.id).await.unwrap().disabled.is_none());
    assert_eq!(harness.service.replay(owner, endpoint.id, since).await, Ok(4));
    harness
        .until(endpoint.id, "all succeeded", |all| all.iter().all(|d| d.status == DeliveryStatus::Succeeded))
        .await;
    let replayed = receiver.received().split_off(before);
    assert_eq!(replayed.len(), 4);
    let own: Vec<_> = replayed.iter().filter(|r| r.payout() == id_of(&meanwhile).to_string()).collect();
    assert_eq!(own.iter().map(|r| r.sequence()).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(harness.find(endpoint.id).await.failing_since, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_410_response_disables_the_endpoint_immediately() {
    let (mut harness, receiver) =
        (WebhookHarness::sqlite(HarnessOptions::default()).await, Receiver::start().await);
    let endpoint = harness.endpoint(Mode::Live, &receiver.url).await;
    receiver.respond_with(410);
    harness.start();
    harness.delivered(Mode::Live, "order-1").await;
    eventually("the endpoint is disabled", async || harness.find(endpoint.id).await.disabled).await;
    assert_eq!(harness.find(endpoint.id).await.disabled.unwrap().1, DisabledReason::Gone);
    harness.delivered(Mode::Live, "order-2").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(receiver.received().len(), 1);
    let statuses: Vec<_> = harness.deliveries(endpoint.id).await.iter().map(|d| d.status).collect();
    use DeliveryStatus::{Failed, Skipped};
    assert_eq!(statuses, [Failed, Skipped, Skipped, Skipped]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payout_can_be_replayed_to_a_newer_endpoint() {
    let (mut harness, receiver) =
        (WebhookHarness::sqlite(HarnessOptions::default()).await, Receiver::start().await);
    let payout = harness.delivered(Mode::Live, "order-1").await;
    let endpoint = harness.endpoint(Mode::Live, &receiver.url).await;
    harness.start();
    let (owner, id) = (acme(Mode::Live), id_of(&payout));
    assert_eq!(harness.service.replay(owner, endpoint.id, ReplayRequest::Payout(id)).await, Ok(2));
    eventually("both changes", async || (receiver.sequences() == [2, 3]).then_some(())).await;
    harness
        .until(endpoint.id, "both succeeded", |all| all.iter().all(|d| d.status == DeliveryStatus::Succeeded))
        .await;
    let one = ReplayRequest::Change(id, Sequence(3));
    assert_eq!(harness.service.replay(owner, endpoint.id, one).await, Ok(1));
    eventually("the replayed change", async || (receiver.sequences() == [2, 3, 3]).then_some(())).await;
    let received = receiver.received();
    assert_eq!((&received[1].id, &received[1].text), (&received[2].id, &received[2].text));
    let none = ReplayRequest::Change(id, Sequence(4));
    assert!(matches!(
        harness.service.replay(owner, endpoint.id, none).await,
        Err(WebhookError::Invalid { .. })
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sandbox_scenarios_duplicate_and_reorder_messages() {
    let (mut harness, receiver) =
        (WebhookHarness::sqlite(HarnessOptions::default()).await, Receiver::start().await);
    let endpoint = harness.endpoint(Mode::Test, &receiver.url).await;
    let live = Receiver::start().await;
    harness.endpoint(Mode::Live, &live.url).await;
    harness.start();
    harness.delivered(Mode::Test, "sandbox_webhook_duplicate").await;
    eventually("each change twice", async || (receiver.sequences() == [2, 2, 3, 3]).then_some(())).await;
    let received = receiver.received();
    assert!(received[0].id == received[1].id && received[1].id != received[2].id);

    let mut reordered = harness.payout(Mode::Test, "sandbox_webhook_reorder").await;
    harness.report(&mut reordered, sample::broadcast("aa", None)).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(receiver.received().len(), 4, "deferred until the payout ends");
    harness.report(&mut reordered, sample::delivered("aa")).await;
    harness.clock.advance(Duration::from_secs(1));
    eventually("both changes", async || (receiver.received().len() == 6).then_some(())).await;
    assert_eq!(receiver.sequences()[4..], [3, 2]);
    harness
        .until(endpoint.id, "all succeeded", |all| all.iter().all(|d| d.status == DeliveryStatus::Succeeded))
        .await;

    // Live payouts have no scenarios.
    harness.delivered(Mode::Live, "sandbox_webhook_duplicate").await;
    eventually("both changes", async || (live.sequences() == [2, 3]).then_some(())).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(
        (live.sequences(), receiver.received().len()),
        (vec![2, 3], 6),
        "the endpoint in test mode receives no live change"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_event_is_sent_immediately() {
    let (harness, receiver) =
        (WebhookHarness::sqlite(HarnessOptions::default()).await, Receiver::start().await);
    let endpoint = harness.endpoint(Mode::Live, &receiver.url).await;
    let result = harness.service.test(acme(Mode::Live), endpoint.id).await.unwrap();
    assert!(result.succeeded);
    assert_eq!(receiver.received()[0].body["type"], "payout.test");
    assert_eq!(receiver.received()[0].id, result.message_id.to_string());
    receiver.respond_with(410);
    let result = harness.service.test(acme(Mode::Live), endpoint.id).await.unwrap();
    assert_eq!((result.succeeded, result.attempt.status), (false, Some(410)));
    assert!(harness.find(endpoint.id).await.disabled.is_none(), "a test event does not disable the endpoint");
}
