//! Webhooks from the real program to a real receiver.

use serde_json::{Value, json};

use crate::support::{Answer, Partner, Report, World, eventually};
use crate::webhooks::Receiver;

const AT_HOME: [(&str, &str); 2] =
    [("PAYOUTD_WEBHOOKS__ALLOW_INSECURE", "true"), ("PAYOUTD_WEBHOOKS__ALLOW_PRIVATE_ADDRESSES", "true")];

async fn make(partner: &Partner, url: &str) -> Value {
    Answer::to(partner.post("/webhooks", &json!({ "url": url }))).await.expect(201)
}

#[tokio::test]
async fn a_partner_is_told_and_can_see_that_it_was() {
    let world = World::start_with(&AT_HOME).await;
    let (partner, mut watcher, receiver) =
        (world.live().await, world.watcher().await, Receiver::start().await);
    let endpoint = make(&partner, &receiver.url).await;
    let path = format!("/webhooks/{}", endpoint["id"].as_str().unwrap());
    let id = partner.payout().await;
    watcher.publish([Report::broadcast(&id, "a1", 60), Report::delivered(&id, "a1")]).await;
    eventually("it is told", async || {
        let told: Vec<_> = receiver.received().iter().map(|r| r.body["type"].clone()).collect();
        (told == ["payout.broadcast", "payout.delivered"]).then_some(())
    })
    .await;
    let mut data = receiver.received().pop().unwrap().body["data"].clone();
    data.as_object_mut().unwrap().remove("previous_status");
    assert_eq!(data, partner.read(&id).await, "exactly what a poll shows");
    let log = eventually("it is written down", async || {
        let page = Answer::to(partner.get(&format!("{path}/deliveries?limit=1"))).await.expect(200);
        (page["data"][0]["status"] == "succeeded").then_some(page)
    })
    .await;
    assert_eq!(log["data"][0]["attempts"][0]["status"], 204);
    let rest = format!("{path}/deliveries?cursor={}", log["next_cursor"].as_str().unwrap());
    let rest = Answer::to(partner.get(&rest)).await.expect(200);
    assert_eq!((rest["data"].as_array().unwrap().len(), &rest["next_cursor"]), (1, &Value::Null));
    let report = Answer::to(partner.post(&format!("{path}/test"), &json!({}))).await.expect(200);
    assert_eq!(report["succeeded"], true);
}

#[tokio::test]
async fn a_killed_process_tells_what_it_owed() {
    let mut world = World::start_with(&AT_HOME).await;
    let (partner, mut watcher, receiver) =
        (world.live().await, world.watcher().await, Receiver::start().await);
    make(&partner, &receiver.url).await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(partner.payout().await);
    }
    for part in ids.chunks(5) {
        watcher
            .publish(
                part.iter().flat_map(|id| [Report::broadcast(id, "a1", 60), Report::delivered(id, "a1")]),
            )
            .await;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        world.payoutd.kill().await;
        world.payoutd.start_again().await;
    }
    for id in &ids {
        let told = eventually("everything is told", async || {
            let own = receiver.received().into_iter().filter(|r| r.payout() == id);
            let told: Vec<_> = own.map(|r| (r.sequence(), r.id)).collect();
            told.iter().any(|(sequence, _)| *sequence == 3).then_some(told)
        })
        .await;
        let mut firsts = told.clone();
        firsts.dedup();
        assert!(firsts[0].0 == 2 && firsts[1].0 == 3, "in order, but for repeats: {told:?}");
    }
}
