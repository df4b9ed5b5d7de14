//! Lists of payouts, while more are being created.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{Answer, Partner, Report, World};

async fn page(partner: &Partner, query: &str) -> Value {
    Answer::to(partner.get(&format!("/payouts?{query}"))).await.expect(200)
}

fn ids(page: &Value) -> Vec<String> {
    let data = page["data"].as_array().expect("a list");
    data.iter().map(|payout| payout["id"].as_str().expect("text").to_owned()).collect()
}

/// Every payout that following the cursors leads to.
async fn walk(partner: &Partner, query: &str) -> Vec<String> {
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = page(partner, &format!("{query}{cursor}")).await;
        seen.extend(ids(&page));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return seen,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_see_each_payout_once_while_two_thousand_are_created() {
    const PAYOUTS: usize = 2_000;
    const CREATORS: usize = 16;
    let world = World::start().await;
    let partner = world.live().await;
    let created: Arc<Mutex<HashSet<String>>> = Arc::default();
    let known = || created.lock().expect("nobody panics with it").clone();
    let mut creating = JoinSet::new();
    for _ in 0..CREATORS {
        let (partner, created) = (partner.clone(), Arc::clone(&created));
        creating.spawn(async move {
            for _ in 0..PAYOUTS / CREATORS {
                let id = partner.payout().await;
                created.lock().expect("nobody panics with it").insert(id);
            }
        });
    }
    // One reader asks again and again for what came since, and keeps nothing but the newest time it has seen.
    let follower = {
        let partner = partner.clone();
        tokio::spawn(async move {
            let (mut seen, mut newest) = (HashSet::new(), "2020-01-01T00:00:00Z".to_owned());
            while seen.len() < PAYOUTS {
                let first = page(&partner, &format!("limit=200&created_after={newest}")).await;
                let since = format!("limit=200&created_after={newest}");
                seen.extend(ids(&first));
                if let Some(time) = first["data"][0]["created_at"].as_str() {
                    newest = time.to_owned();
                }
                let mut next = first["next_cursor"].clone();
                while let Some(cursor) = next.as_str() {
                    let more = page(&partner, &format!("{since}&cursor={cursor}")).await;
                    seen.extend(ids(&more));
                    next = more["next_cursor"].clone();
                }
            }
            seen
        })
    };
    let mut walks = 0;
    while known().len() < PAYOUTS {
        let before = known();
        let seen = walk(&partner, "limit=50").await;
        let once: HashSet<String> = seen.iter().cloned().collect();
        assert_eq!(once.len(), seen.len(), "none twice");
        assert!(before.is_subset(&once), "{} left out", before.difference(&once).count());
        walks += 1;
    }
    while let Some(done) = creating.join_next().await {
        done.unwrap();
    }
    assert!(walks > 1, "it walked while they were created");
    let followed = tokio::time::timeout(crate::support::PATIENCE, follower).await;
    assert_eq!(followed.expect("the follower sees them all").unwrap(), known());
    let all = walk(&partner, "limit=200").await;
    assert_eq!((all.len(), all.into_iter().collect::<HashSet<_>>()), (PAYOUTS, known()));
}

#[tokio::test]
async fn lists_are_filtered_and_each_sees_its_own() {
    let world = World::start().await;
    let partner = world.live().await;
    let mut watcher = world.watcher().await;
    let terms = |reference: &str| {
        let mut terms = Partner::terms();
        terms["external_ref"] = json!(reference);
        terms
    };
    let mut created = Vec::new();
    for reference in ["a/1 ü", "b", "c", "b"] {
        let quote = partner.quote(&terms(reference)).await.expect(200);
        let payout = partner.execute(quote["quote_id"].as_str().unwrap()).await.expect(201);
        created.push(payout["id"].as_str().unwrap().to_owned());
    }
    let [first, second, third, fourth] = &created[..] else { panic!("four") };
    watcher.publish([Report::delivered(second, "b1"), Report::failed(third, "x")]).await;
    watcher.publish([Report::broadcast(fourth, "d1", 1)]).await;
    partner.until_status(second, "delivered").await;
    partner.until_status(third, "failed").await;
    partner.until(fourth, "late", |payout| payout["late"] == true).await;

    let of = async |query: &str| ids(&page(&partner, query).await);
    assert_eq!(of("").await, [fourth, third, second, first].map(String::as_str));
    assert_eq!(of("external_ref=b").await, [fourth, second].map(String::as_str));
    assert_eq!(of("external_ref=a%2F1%20%C3%BC").await, [first.as_str()]);
    assert_eq!(of("external_ref=nobody").await, [""; 0]);
    assert_eq!(of("external_ref=b&status=delivered").await, [second.as_str()]);
    assert_eq!(of("status=pending").await, [first.as_str()]);
    assert_eq!(of("status=broadcast").await, [fourth.as_str()]);
    assert_eq!(of("status=failed").await, [third.as_str()]);
    assert_eq!(of("late=true").await, [fourth.as_str()]);
    assert_eq!(of("late=false").await, [third, second, first].map(String::as_str));
    assert_eq!(of("limit=2").await, [fourth, third].map(String::as_str));
    let moment = partner.read(second).await["created_at"].as_str().unwrap().to_owned();
    assert_eq!(of(&format!("created_after={moment}")).await, [fourth, third, second].map(String::as_str));
    assert_eq!(of(&format!("created_before={moment}")).await, [first.as_str()]);
    assert_eq!(page(&partner, "status=delivered").await["data"][0], partner.read(second).await);

    let cursor = page(&partner, "limit=1").await["next_cursor"].as_str().unwrap().to_owned();
    let other_org = world.payoutd.partner("other", "live").await;
    let other_mode = world.payoutd.partner("acme", "test").await;
    for other in [&other_org, &other_mode] {
        assert_eq!(page(other, "").await, json!({ "data": [], "has_more": false, "next_cursor": null }));
        let refused = Answer::to(other.get(&format!("/payouts?limit=1&cursor={cursor}"))).await;
        assert_eq!(refused.expect_problem(422, "validation_error")["field"], "cursor");
    }
    for query in [format!("status=failed&cursor={cursor}"), format!("cursor={cursor}x"), "after=1".into()] {
        Answer::to(partner.get(&format!("/payouts?{query}"))).await.expect_problem(422, "validation_error");
    }
}
