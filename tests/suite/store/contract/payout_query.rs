use payoutd::payout_query::{PageCursor, PayoutQuery};
use payoutd_domain::{Mode, NewPayout, OrgId, PayoutId, Status, Terms};
use uuid::Uuid;

use super::super::samples::{
    at, broadcast, create, delivered, failed, late, payout, payout_of, terms, unique,
};
use super::{TestStore, created, recorded};

fn filter() -> PayoutQuery {
    PayoutQuery {
        org: OrgId(Uuid::from_u128(7)),
        mode: Mode::Live,
        status: None,
        external_ref: None,
        created_after: None,
        created_before: None,
        late: None,
    }
}

fn first_page() -> PageCursor {
    PageCursor::before(at(1_000_000))
}

fn created_at(seconds: i64) -> NewPayout {
    NewPayout { created_at: at(seconds), ..payout() }
}

/// The ids of a page, at the time of the payouts' creation.
async fn page(test: &TestStore, filter: &PayoutQuery, cursor: PageCursor, limit: u32) -> Vec<PayoutId> {
    page_at(test, filter, cursor, limit, 0).await
}

async fn page_at(
    test: &TestStore,
    filter: &PayoutQuery,
    cursor: PageCursor,
    limit: u32,
    now: i64,
) -> Vec<PayoutId> {
    let page = test.store.page(filter, cursor, at(now), limit).await.unwrap();
    page.iter().map(|stored| stored.replay().expect("valid").created().id).collect()
}

pub(super) async fn payouts_are_listed_newest_first(test: &TestStore) {
    // Several payouts have the same time, and the times are not in the order of the ids.
    let payouts: Vec<_> = [3, 1, 2, 2, 2, 5, 4].map(created_at).into();
    test.store.create(&payouts.iter().map(create).collect::<Vec<_>>()).await.unwrap();
    let mut expected: Vec<_> = payouts.iter().map(|payout| (payout.created_at, payout.id)).collect();
    expected.sort_unstable_by(|a, b| b.cmp(a));
    let ids: Vec<_> = expected.iter().map(|(_, id)| *id).collect();
    assert_eq!(page(test, &filter(), first_page(), 100).await, ids);
    for limit in 1..=7 {
        let (mut seen, mut cursor) = (Vec::new(), first_page());
        loop {
            let next = test.store.page(&filter(), cursor, at(0), limit).await.unwrap();
            let Some(last) = next.last() else { break };
            cursor = PageCursor::of(last);
            seen.extend(next.iter().map(|stored| stored.created.id));
        }
        assert_eq!(seen, ids, "pages of {limit}");
    }
    assert_eq!(page(test, &filter(), PageCursor::before(at(4)), 100).await, ids[2..]);
}

pub(super) async fn each_filter_is_applied(test: &TestStore) {
    let pending = created(test, &created_at(0)).await;
    let sent = created(test, &created_at(1)).await;
    recorded(test, &sent, broadcast("0xa")).await;
    let done = created(test, &created_at(2)).await;
    recorded(test, &done, delivered("0xb")).await;
    let lost = created(test, &created_at(3)).await;
    recorded(test, &lost, failed("no")).await;
    let [pending, sent, done, lost] = [pending, sent, done, lost].map(|payout| payout.created().id);
    let all = [lost, done, sent, pending];
    for (status, id) in Status::ALL.into_iter().zip([pending, sent, done, lost]) {
        assert_eq!(
            page(test, &PayoutQuery { status: Some(status), ..filter() }, first_page(), 9).await,
            [id]
        );
    }
    let reference = PayoutQuery { external_ref: Some("order Ωmega ‘1’ \\ \"x\"".into()), ..filter() };
    assert_eq!(page(test, &reference, first_page(), 9).await, all);
    let both = PayoutQuery { status: Some(Status::Failed), ..reference };
    assert_eq!(page(test, &both, first_page(), 9).await, [lost]);
    let another = PayoutQuery { external_ref: Some("order".into()), ..filter() };
    assert_eq!(page(test, &another, first_page(), 9).await, []);
    let since = PayoutQuery { created_after: Some(at(2)), ..filter() };
    assert_eq!(page(test, &since, first_page(), 9).await, [lost, done], "the bound is inclusive");
}

pub(super) async fn an_overdue_payout_counts_as_late_before_it_is_marked(test: &TestStore) {
    let marked = created(test, &created_at(0)).await;
    let (write, marked) = late(&marked);
    test.store.append(&[write]).await.unwrap();
    let unmarked = created(test, &created_at(1)).await.created().id;
    let done = created(test, &created_at(2)).await;
    recorded(test, &done, delivered("0xb")).await;
    let (marked, done) = (marked.created().id, done.created().id);
    let late = |late| PayoutQuery { late: Some(late), ..filter() };
    assert_eq!(page_at(test, &late(true), first_page(), 9, 60).await, [marked]);
    assert_eq!(page_at(test, &late(false), first_page(), 9, 60).await, [done, unmarked]);
    assert_eq!(
        page_at(test, &late(true), first_page(), 9, 61).await,
        [unmarked, marked],
        "at the estimated time"
    );
    assert_eq!(page_at(test, &late(false), first_page(), 9, 61).await, [done]);
    let ended = PayoutQuery { status: Some(Status::Delivered), ..late(true) };
    assert_eq!(page_at(test, &ended, first_page(), 9, 1_000).await, []);
    let delivered = PayoutQuery { status: Some(Status::Delivered), ..late(false) };
    assert_eq!(page_at(test, &delivered, first_page(), 9, 1_000).await, [done]);
}

pub(super) async fn lists_contain_only_payouts_of_the_account(test: &TestStore) {
    let of = |org: u128, mode| {
        let terms = Terms { org: OrgId(Uuid::from_u128(org)), ..terms(mode, &format!("quo_{}", unique())) };
        payout_of(terms)
    };
    let owners = [(7, Mode::Live), (7, Mode::Test), (8, Mode::Live)];
    let payouts = owners.map(|(org, mode)| of(org, mode));
    test.store.create(&payouts.iter().map(create).collect::<Vec<_>>()).await.unwrap();
    for ((org, mode), payout) in owners.into_iter().zip(&payouts) {
        let own = PayoutQuery { org: OrgId(Uuid::from_u128(org)), mode, ..filter() };
        assert_eq!(page(test, &own, first_page(), 9).await, [payout.id]);
        let reference =
            PayoutQuery { external_ref: Some(payout.terms.external_ref.to_string()), ..own.clone() };
        assert_eq!(page(test, &reference, first_page(), 9).await, [payout.id]);
        let pending = PayoutQuery { status: Some(Status::Pending), ..own };
        assert_eq!(page(test, &pending, first_page(), 9).await, [payout.id]);
    }
}

pub(super) async fn an_invalid_payout_is_listed(test: &TestStore) {
    let valid = created(test, &created_at(1)).await;
    let invalid = created(test, &created_at(0)).await.created().id;
    let row = test.id(invalid);
    test.execute(&format!("UPDATE payouts SET estimated_seconds = 99999999999 WHERE id = {row}")).await;
    let listed = test.store.page(&filter(), first_page(), at(0), 9).await.unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0].replay().unwrap(), valid);
    assert!(listed[1].replay().is_err() && listed[1].created.id == invalid);
}
