//! What a receiver sees: order, repetition, the end of patience.

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
async fn a_change_is_told_at_once_signed_and_as_a_poll_shows_it() {
    let (mut harness, receiver) =
        (WebhookHarness::sqlite(HarnessOptions::default()).await, Receiver::start().await);
    let endpoint = harness.endpoint(Mode::Live, &receiver.url).await;
    harness.start();
    let payout = harness.delivered(Mode::Live, "order-1").await;
    harness
        .until(endpoint.id, "both taken", |all| all.iter().all(|d| d.status == DeliveryStatus::Succeeded))
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
async fn a_later_change_waits_for_the_one_before_and_only_of_its_own_payout() {
    let (mut harness, receiver) =
        (WebhookHarness::sqlite(HarnessOptions::default()).await, Receiver::start().await);
    let endpoint = harness.endpoint(Mode::Live, &receiver.url).await;
    receiver.answer(&[500]);
    harness.start();
    let mut first = harness.payout(Mode::Live, "a").await;
    harness.report(&mut first, sample::broadcast("aa", None)).await;
    harness.until(endpoint.id, "one attempt", |all| all.iter().any(|d| d.attempts == 1)).await;
    harness.report(&mut first, sample::delivered("aa")).await;
    let second = harness.delivered(Mode::Live, "b").await;
    let own = id_of(&second).to_string();
    eventually("the other payout is told", async || {
        let told = receiver.received().into_iter().filter(|r| r.payout() == own).count();
        (told == 2).then_some(())
    })
    .await;
    assert_eq!(receiver.received().iter().filter(|r| r.payout() != own).count(), 1, "nothing overtakes");
    harness.clock.advance(RETRY_DELAYS[0].mul_f64(1.2));
    harness
        .until(endpoint.id, "all taken", |all| all.iter().all(|d| d.status == DeliveryStatus::Succeeded))
        .await;
    let received: Vec<_> = receiver.received().into_iter().filter(|r| r.payout() != own).collect();
    assert_eq!(received.iter().map(|r| r.sequence()).collect::<Vec<_>>(), [2, 2, 3]);
    assert_eq!(received[0].id, received[1].id, "the same id over all retries");
    assert_eq!(received[0].text, received[1].text);
    assert_ne!(received[0].timestamp, received[1].timestamp);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_the_process_dies() {
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
        .until(endpoint.id, "all taken", |all| all.iter().all(|d| d.status == DeliveryStatus::Succeeded))
        .await;
    assert_eq!(all.len(), 60);
    // At least once, and never out of order but for repeats of what was in the air.
    let mut seen = std::collections::HashMap::new();
    for received in receiver.received() {
        let highest = seen.entry(received.payout().to_owned()).or_insert(1);
        assert!(received.sequence() <= *highest + 1, "nothing is left out");
        *highest = received.sequence().max(*highest);
    }
    assert!(seen.len() == 30 && seen.values().all(|highest| *highest == 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_75_hours_of_failure_the_endpoint_is_disabled_and_says_so() {
    let (mut harness, receiver) =
        (WebhookHarness::sqlite(HarnessOptions::default()).await, Receiver::start().await);
    let endpoint = harness.endpoint(Mode::Live, &receiver.url).await;
    receiver.always(503);
    harness.start();
    let began = harness.now();
    harness.delivered(Mode::Live, "order-1").await;
    for (number, wait) in (1..).zip(RETRY_DELAYS) {
        harness.until(endpoint.id, "an attempt", |all| all[0].attempts == number).await;
        let found = harness.find(endpoint.id).await;
        assert!(found.disabled.is_none() && found.failing_since.is_some());
        harness.clock.advance(wait.mul_f64(0.99));
        tokio::time::sleep(Duration::from_millis(60)).await;
        assert_eq!(harness.deliveries(endpoint.id).await[0].attempts, number, "not before its time");
        harness.clock.advance(wait.mul_f64(0.12));
    }
    let all = harness.until(endpoint.id, "the end", |all| all[0].status == DeliveryStatus::Failed).await;
    assert_eq!((all[0].attempts, all[0].log.len()), (10, 10));
    assert!(all[0].log.iter().all(|attempt| attempt.status == Some(503)));
    assert!(all[0].log[9].at.seconds_since(began) >= 75.0 * 3600.0);
    assert_eq!((all[1].status, all[1].attempts), (DeliveryStatus::Skipped, 0));
    assert_eq!(harness.find(endpoint.id).await.disabled.unwrap().1, DisabledReason::Failing);

    // What happens meanwhile is written down, and can be sent later.
    let meanwhile = harness.delivered(Mode::Live, "order-2").await;
    let owner = acme(Mode::Live);
    let since = ReplayRequest::Since(began);
    assert_eq!(harness.service.replay(owner, endpoint.id, since).await, Err(WebhookError::Disabled));
    let before = receiver.received().len();
    receiver.always(204);
    assert!(harness.service.enable(owner, endpoint.id).await.unwrap().disabled.is_none());
    assert_eq!(harness.service.replay(owner, endpoint.id, since).await, Ok(4));
    harness
        .until(endpoint.id, "all taken", |all| all.iter().all(|d| d.status == DeliveryStatus::Succeeded))
        .await;
    let replayed = receiver.received().split_off(before);
    assert_eq!(replayed.len(), 4);
    let own: Vec<_> = replayed.iter().filter(|r| r.payout() == id_of(&meanwhile).to_string()).collect();
    assert_eq!(own.iter().map(|r| r.sequence()).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(harness.find(endpoint.id).await.failing_since, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gone_disables_at_once() {
    let (mut harness, receiver) =
        (WebhookHarness::sqlite(HarnessOptions::default()).await, Receiver::start().await);
    let endpoint = harness.endpoint(Mode::Live, &receiver.url).await;
    receiver.always(410);
    harness.start();
    harness.delivered(Mode::Live, "order-1").await;
    eventually("it is disabled", async || harness.find(endpoint.id).await.disabled).await;
    assert_eq!(harness.find(endpoint.id).await.disabled.unwrap().1, DisabledReason::Gone);
    harness.delivered(Mode::Live, "order-2").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(receiver.received().len(), 1);
    let statuses: Vec<_> = harness.deliveries(endpoint.id).await.iter().map(|d| d.status).collect();
    use DeliveryStatus::{Failed, Skipped};
    assert_eq!(statuses, [Failed, Skipped, Skipped, Skipped]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payout_can_be_replayed_to_an_endpoint_that_came_later() {
    let (mut harness, receiver) =
        (WebhookHarness::sqlite(HarnessOptions::default()).await, Receiver::start().await);
    let payout = harness.delivered(Mode::Live, "order-1").await;
    let endpoint = harness.endpoint(Mode::Live, &receiver.url).await;
    harness.start();
    let (owner, id) = (acme(Mode::Live), id_of(&payout));
    assert_eq!(harness.service.replay(owner, endpoint.id, ReplayRequest::Payout(id)).await, Ok(2));
    eventually("both", async || (receiver.sequences() == [2, 3]).then_some(())).await;
    harness
        .until(endpoint.id, "both taken", |all| all.iter().all(|d| d.status == DeliveryStatus::Succeeded))
        .await;
    let one = ReplayRequest::Change(id, Sequence(3));
    assert_eq!(harness.service.replay(owner, endpoint.id, one).await, Ok(1));
    eventually("one more", async || (receiver.sequences() == [2, 3, 3]).then_some(())).await;
    let received = receiver.received();
    assert_eq!((&received[1].id, &received[1].text), (&received[2].id, &received[2].text));
    let none = ReplayRequest::Change(id, Sequence(4));
    assert!(matches!(
        harness.service.replay(owner, endpoint.id, none).await,
        Err(WebhookError::Invalid { .. })
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sandbox_repeats_and_reorders_on_request() {
    let (mut harness, receiver) =
        (WebhookHarness::sqlite(HarnessOptions::default()).await, Receiver::start().await);
    let endpoint = harness.endpoint(Mode::Test, &receiver.url).await;
    let live = Receiver::start().await;
    harness.endpoint(Mode::Live, &live.url).await;
    harness.start();
    harness.delivered(Mode::Test, "sandbox_webhook_duplicate").await;
    eventually("each twice", async || (receiver.sequences() == [2, 2, 3, 3]).then_some(())).await;
    let received = receiver.received();
    assert!(received[0].id == received[1].id && received[1].id != received[2].id);

    let mut reordered = harness.payout(Mode::Test, "sandbox_webhook_reorder").await;
    harness.report(&mut reordered, sample::broadcast("aa", None)).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(receiver.received().len(), 4, "the last two are not known yet");
    harness.report(&mut reordered, sample::delivered("aa")).await;
    harness.clock.advance(Duration::from_secs(1));
    eventually("both", async || (receiver.received().len() == 6).then_some(())).await;
    assert_eq!(receiver.sequences()[4..], [3, 2]);
    harness
        .until(endpoint.id, "all taken", |all| all.iter().all(|d| d.status == DeliveryStatus::Succeeded))
        .await;

    // Real money knows no scenarios.
    harness.delivered(Mode::Live, "sandbox_webhook_duplicate").await;
    eventually("told", async || (live.sequences() == [2, 3]).then_some(())).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!((live.sequences(), receiver.received().len()), (vec![2, 3], 6), "modes do not meet");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_event_is_sent_at_once() {
    let (harness, receiver) =
        (WebhookHarness::sqlite(HarnessOptions::default()).await, Receiver::start().await);
    let endpoint = harness.endpoint(Mode::Live, &receiver.url).await;
    let report = harness.service.test(acme(Mode::Live), endpoint.id).await.unwrap();
    assert!(report.succeeded);
    assert_eq!(receiver.received()[0].body["type"], "payout.test");
    assert_eq!(receiver.received()[0].id, report.message_id.to_string());
    receiver.always(410);
    let report = harness.service.test(acme(Mode::Live), endpoint.id).await.unwrap();
    assert_eq!((report.succeeded, report.attempt.status), (false, Some(410)));
    assert!(harness.find(endpoint.id).await.disabled.is_none(), "a test disables nothing");
}
