//! Webhooks from the real program to a receiver on this machine.

use serde_json::{Value, json};

use crate::support::{HttpResponse, LOCAL_WEBHOOKS, Partner, Report, TestApp, eventually};
use crate::webhooks::Receiver;

async fn create_endpoint(partner: &Partner, url: &str) -> Value {
    HttpResponse::to(partner.post("/webhooks", &json!({ "url": url }))).await.expect(201)
}

#[tokio::test]
async fn webhooks_are_delivered_and_listed_as_deliveries() {
    let app = TestApp::start_with(&LOCAL_WEBHOOKS).await;
    let (partner, mut watcher, receiver) =
        (app.live_partner().await, app.watcher().await, Receiver::start().await);
    let endpoint = create_endpoint(&partner, &receiver.url).await;
    let path = format!("/webhooks/{}", endpoint["id"].as_str().unwrap());
    let id = partner.create_payout().await;
    watcher.publish([Report::broadcast(&id, "a1", 60), Report::delivered(&id, "a1")]).await;
    eventually("both webhooks are delivered", async || {
        let types: Vec<_> = receiver.received().iter().map(|r| r.body["type"].clone()).collect();
        (types == ["payout.broadcast", "payout.delivered"]).then_some(())
    })
    .await;
    let mut data = receiver.received().pop().unwrap().body["data"].clone();
    data.as_object_mut().unwrap().remove("previous_status");
    assert_eq!(data, partner.read(&id).await, "the webhook equals the polled payout");
    let log = eventually("the delivery is recorded", async || {
        let page = HttpResponse::to(partner.get(&format!("{path}/deliveries?limit=1"))).await.expect(200);
        (page["data"][0]["status"] == "succeeded").then_some(page)
    })
    .await;
    assert_eq!(log["data"][0]["attempts"][0]["status"], 204);
    let rest = format!("{path}/deliveries?cursor={}", log["next_cursor"].as_str().unwrap());
    let rest = HttpResponse::to(partner.get(&rest)).await.expect(200);
    assert_eq!((rest["data"].as_array().unwrap().len(), &rest["next_cursor"]), (1, &Value::Null));
    let report = HttpResponse::to(partner.post(&format!("{path}/test"), &json!({}))).await.expect(200);
    assert_eq!(report["succeeded"], true);
}

#[tokio::test]
async fn webhooks_of_a_killed_process_are_delivered_after_the_restart() {
    let mut app = TestApp::start_with(&LOCAL_WEBHOOKS).await;
    let (partner, mut watcher, receiver) =
        (app.live_partner().await, app.watcher().await, Receiver::start().await);
    create_endpoint(&partner, &receiver.url).await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(partner.create_payout().await);
    }
    for part in ids.chunks(5) {
        watcher
            .publish(
                part.iter().flat_map(|id| [Report::broadcast(id, "a1", 60), Report::delivered(id, "a1")]),
            )
            .await;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        app.payoutd.kill().await;
        app.payoutd.restart().await;
    }
    for id in &ids {
        let deliveries = eventually("all webhooks are delivered", async || {
            let own = receiver.received().into_iter().filter(|r| r.payout() == id);
            let deliveries: Vec<_> = own.map(|r| (r.sequence(), r.id)).collect();
            deliveries.iter().any(|(sequence, _)| *sequence == 3).then_some(deliveries)
        })
        .await;
        let mut firsts = deliveries.clone();
        firsts.dedup();
        assert!(firsts[0].0 == 2 && firsts[1].0 == 3, "in order except for repeats: {deliveries:?}");
    }
}
