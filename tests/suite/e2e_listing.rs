//! Lists of payouts, also during the creation of further payouts.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{HttpResponse, Partner, Report, TestApp};

async fn page(partner: &Partner, query: &str) -> Value {
    HttpResponse::to(partner.get(&format!("/payouts?{query}"))).await.expect(200)
}

fn ids(page: &Value) -> Vec<String> {
    let data = page["data"].as_array().expect("a list");
    data.iter().map(|payout| payout["id"].as_str().expect("text").to_owned()).collect()
}

/// The ids of all pages.
async fn all_pages(partner: &Partner, query: &str) -> Vec<String> {
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
async fn concurrent_creations_neither_hide_nor_repeat_a_payout_in_a_list() {
    const PAYOUTS: usize = 2_000;
    const CREATORS: usize = 16;
    let app = TestApp::start().await;
    let partner = app.live_partner().await;
    let created: Arc<Mutex<HashSet<String>>> = Arc::default();
    let created_so_far = || created.lock().expect("no thread panics with the lock").clone();
    let mut creating = JoinSet::new();
    for _ in 0..CREATORS {
        let (partner, created) = (partner.clone(), Arc::clone(&created));
        creating.spawn(async move {
            for _ in 0..PAYOUTS / CREATORS {
                let id = partner.create_payout().await;
                created.lock().expect("no thread panics with the lock").insert(id);
            }
        });
    }
    // This reader repeats a list of the payouts created since the newest creation time that it received.
    let incremental_reader = {
        let partner = partner.clone();
        tokio::spawn(async move {
            let (mut seen, mut newest) = (HashSet::new(), "2020-01-01T00:00:00Z".to_owned());
            while seen.len() < PAYOUTS {
                let first = page(&partner, &format!("limit=200&created_after={newest}")).await;
                let query = format!("limit=200&created_after={newest}");
                seen.extend(ids(&first));
                if let Some(time) = first["data"][0]["created_at"].as_str() {
                    newest = time.to_owned();
                }
                let mut next = first["next_cursor"].clone();
                while let Some(cursor) = next.as_str() {
                    let more = page(&partner, &format!("{query}&cursor={cursor}")).await;
                    seen.extend(ids(&more));
                    next = more["next_cursor"].clone();
                }
            }
            seen
        })
    };
    let mut rounds = 0;
    while created_so_far().len() < PAYOUTS {
        let before = created_so_far();
        let seen = all_pages(&partner, "limit=50").await;
        let distinct: HashSet<String> = seen.iter().cloned().collect();
        assert_eq!(distinct.len(), seen.len(), "no payout is listed twice");
        assert!(before.is_subset(&distinct), "{} payouts are missing", before.difference(&distinct).count());
        rounds += 1;
    }
    while let Some(done) = creating.join_next().await {
        done.unwrap();
    }
    assert!(rounds > 1, "lists were read during the creations");
    let received = tokio::time::timeout(crate::support::TIMEOUT, incremental_reader).await;
    assert_eq!(received.expect("the incremental reader receives all payouts").unwrap(), created_so_far());
    let all = all_pages(&partner, "limit=200").await;
    assert_eq!((all.len(), all.into_iter().collect::<HashSet<_>>()), (PAYOUTS, created_so_far()));
}

#[tokio::test]
async fn lists_are_filtered_and_contain_only_payouts_of_the_account() {
    let app = TestApp::start().await;
    let partner = app.live_partner().await;
    let mut watcher = app.watcher().await;
    let mut created = Vec::new();
    for reference in ["a/1 ü", "b", "c", "b"] {
        let quote = partner.quote(&Partner::quote_request_for(reference)).await.expect(200);
        let payout = partner.execute(quote["quote_id"].as_str().unwrap()).await.expect(201);
        created.push(payout["id"].as_str().unwrap().to_owned());
    }
    let [first, second, third, fourth] = &created[..] else { panic!("four payouts") };
    watcher.publish([Report::delivered(second, "b1"), Report::failed(third, "x")]).await;
    watcher.publish([Report::broadcast(fourth, "d1", 1)]).await;
    partner.wait_for_status(second, "delivered").await;
    partner.wait_for_status(third, "failed").await;
    partner.wait_until(fourth, "late", |payout| payout["late"] == true).await;

    let listed = async |query: &str| ids(&page(&partner, query).await);
    assert_eq!(listed("").await, [fourth, third, second, first].map(String::as_str));
    assert_eq!(listed("external_ref=b").await, [fourth, second].map(String::as_str));
    assert_eq!(listed("external_ref=a%2F1%20%C3%BC").await, [first.as_str()]);
    assert_eq!(listed("external_ref=nobody").await, [""; 0]);
    assert_eq!(listed("external_ref=b&status=delivered").await, [second.as_str()]);
    assert_eq!(listed("status=pending").await, [first.as_str()]);
    assert_eq!(listed("status=broadcast").await, [fourth.as_str()]);
    assert_eq!(listed("status=failed").await, [third.as_str()]);
    assert_eq!(listed("late=true").await, [fourth.as_str()]);
    assert_eq!(listed("late=false").await, [third, second, first].map(String::as_str));
    assert_eq!(listed("limit=2").await, [fourth, third].map(String::as_str));
    let created_at = partner.read(second).await["created_at"].as_str().unwrap().to_owned();
    assert_eq!(
        listed(&format!("created_after={created_at}")).await,
        [fourth, third, second].map(String::as_str)
    );
    assert_eq!(listed(&format!("created_before={created_at}")).await, [first.as_str()]);
    assert_eq!(page(&partner, "status=delivered").await["data"][0], partner.read(second).await);

    let other_org = app.payoutd.partner("other", "live").await;
    let other_mode = app.payoutd.partner("acme", "test").await;
    for other in [&other_org, &other_mode] {
        assert_eq!(page(other, "").await, json!({ "data": [], "has_more": false, "next_cursor": null }));
    }
}
