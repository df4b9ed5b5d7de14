use payoutd::payout_query::{PageCursor, PayoutQuery};
use payoutd_domain::{Mode, NewPayout, OrgId, PayoutId, Status, Terms};
use uuid::Uuid;

use super::super::made::{at, broadcast, create, delivered, failed, late, payout, payout_of, terms, unique};
use super::{World, created, recorded};

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

fn beginning() -> PageCursor {
    PageCursor::before(at(1_000_000))
}

fn created_at(seconds: i64) -> NewPayout {
    NewPayout { created_at: at(seconds), ..payout() }
}

/// The ids of a page, by the clock of the payouts' creation.
async fn page(world: &World, filter: &PayoutQuery, place: PageCursor, limit: u32) -> Vec<PayoutId> {
    page_at(world, filter, place, limit, 0).await
}

async fn page_at(
    world: &World,
    filter: &PayoutQuery,
    place: PageCursor,
    limit: u32,
    now: i64,
) -> Vec<PayoutId> {
    let page = world.store.page(filter, place, at(now), limit).await.unwrap();
    page.iter().map(|stored| stored.replay().expect("whole").created().id).collect()
}

pub(super) async fn payouts_are_listed_newest_first(world: &World) {
    // Several of one moment, and not in the order of their ids.
    let payouts: Vec<_> = [3, 1, 2, 2, 2, 5, 4].map(created_at).into();
    world.store.create(&payouts.iter().map(create).collect::<Vec<_>>()).await.unwrap();
    let mut expected: Vec<_> = payouts.iter().map(|payout| (payout.created_at, payout.id)).collect();
    expected.sort_unstable_by(|a, b| b.cmp(a));
    let ids: Vec<_> = expected.iter().map(|(_, id)| *id).collect();
    assert_eq!(page(world, &filter(), beginning(), 100).await, ids);
    for limit in 1..=7 {
        let (mut seen, mut place) = (Vec::new(), beginning());
        loop {
            let next = world.store.page(&filter(), place, at(0), limit).await.unwrap();
            let Some(last) = next.last() else { break };
            place = PageCursor::of(last);
            seen.extend(next.iter().map(|stored| stored.created.id));
        }
        assert_eq!(seen, ids, "{limit} at a time");
    }
    assert_eq!(page(world, &filter(), PageCursor::before(at(4)), 100).await, ids[2..]);
}

pub(super) async fn each_filter_holds(world: &World) {
    let pending = created(world, &created_at(0)).await;
    let sent = created(world, &created_at(1)).await;
    recorded(world, &sent, broadcast("0xa")).await;
    let done = created(world, &created_at(2)).await;
    recorded(world, &done, delivered("0xb")).await;
    let lost = created(world, &created_at(3)).await;
    recorded(world, &lost, failed("no")).await;
    let [pending, sent, done, lost] = [pending, sent, done, lost].map(|payout| payout.created().id);
    let all = [lost, done, sent, pending];
    for (status, id) in Status::ALL.into_iter().zip([pending, sent, done, lost]) {
        assert_eq!(
            page(world, &PayoutQuery { status: Some(status), ..filter() }, beginning(), 9).await,
            [id]
        );
    }
    let reference = PayoutQuery { external_ref: Some("order Ωmega ‘1’ \\ \"x\"".into()), ..filter() };
    assert_eq!(page(world, &reference, beginning(), 9).await, all);
    let both = PayoutQuery { status: Some(Status::Failed), ..reference };
    assert_eq!(page(world, &both, beginning(), 9).await, [lost]);
    let another = PayoutQuery { external_ref: Some("order".into()), ..filter() };
    assert_eq!(page(world, &another, beginning(), 9).await, []);
    let since = PayoutQuery { created_after: Some(at(2)), ..filter() };
    assert_eq!(page(world, &since, beginning(), 9).await, [lost, done], "from that moment on");
}

pub(super) async fn what_is_overdue_is_late_said_or_not(world: &World) {
    let said = created(world, &created_at(0)).await;
    let (write, said) = late(&said);
    world.store.append(&[write]).await.unwrap();
    let unsaid = created(world, &created_at(1)).await.created().id;
    let done = created(world, &created_at(2)).await;
    recorded(world, &done, delivered("0xb")).await;
    let (said, done) = (said.created().id, done.created().id);
    let late = |late| PayoutQuery { late: Some(late), ..filter() };
    assert_eq!(page_at(world, &late(true), beginning(), 9, 60).await, [said]);
    assert_eq!(page_at(world, &late(false), beginning(), 9, 60).await, [done, unsaid]);
    assert_eq!(page_at(world, &late(true), beginning(), 9, 61).await, [unsaid, said], "at the very moment");
    assert_eq!(page_at(world, &late(false), beginning(), 9, 61).await, [done]);
    let ended = PayoutQuery { status: Some(Status::Delivered), ..late(true) };
    assert_eq!(page_at(world, &ended, beginning(), 9, 1_000).await, []);
    let delivered = PayoutQuery { status: Some(Status::Delivered), ..late(false) };
    assert_eq!(page_at(world, &delivered, beginning(), 9, 1_000).await, [done]);
}

pub(super) async fn lists_hold_ones_own_alone(world: &World) {
    let of = |org: u128, mode| {
        let terms = Terms { org: OrgId(Uuid::from_u128(org)), ..terms(mode, &format!("quo_{}", unique())) };
        payout_of(terms)
    };
    let owners = [(7, Mode::Live), (7, Mode::Test), (8, Mode::Live)];
    let payouts = owners.map(|(org, mode)| of(org, mode));
    world.store.create(&payouts.iter().map(create).collect::<Vec<_>>()).await.unwrap();
    for ((org, mode), payout) in owners.into_iter().zip(&payouts) {
        let own = PayoutQuery { org: OrgId(Uuid::from_u128(org)), mode, ..filter() };
        assert_eq!(page(world, &own, beginning(), 9).await, [payout.id]);
        let reference =
            PayoutQuery { external_ref: Some(payout.terms.external_ref.to_string()), ..own.clone() };
        assert_eq!(page(world, &reference, beginning(), 9).await, [payout.id]);
        let pending = PayoutQuery { status: Some(Status::Pending), ..own };
        assert_eq!(page(world, &pending, beginning(), 9).await, [payout.id]);
    }
}

pub(super) async fn a_damaged_payout_is_not_left_out(world: &World) {
    let whole = created(world, &created_at(1)).await;
    let hurt = created(world, &created_at(0)).await.created().id;
    let row = world.id(hurt);
    world.tamper(&format!("UPDATE payouts SET estimated_seconds = 99999999999 WHERE id = {row}")).await;
    let listed = world.store.page(&filter(), beginning(), at(0), 9).await.unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0].replay().unwrap(), whole);
    assert!(listed[1].replay().is_err() && listed[1].created.id == hurt);
}
