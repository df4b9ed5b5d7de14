use payoutd::outbox::Backlog;
use payoutd_domain::{ChangeKind, Mode, Sequence};

use super::super::made::{at, broadcast, create, delivered, payout, payout_of, terms};
use super::{World, created, recorded};

pub(super) async fn both_changes_of_one_input_are_announced_in_order(world: &World) {
    let live = created(world, &payout()).await;
    recorded(world, &live, delivered("0xa")).await;
    let said: Vec<_> = world
        .store
        .pending(Mode::Live, 10)
        .await
        .unwrap()
        .into_iter()
        .map(|said| (said.sequence.0, said.kind))
        .collect();
    use ChangeKind::{Broadcast, Created, Delivered};
    assert_eq!(said, [(1, Created), (2, Broadcast), (3, Delivered)]);
}

pub(super) async fn messages_wait_until_published(world: &World) {
    let mut live = [created(world, &payout()).await, created(world, &payout()).await];
    for hash in ["0xa", "0xb", "0xc"] {
        for payout in &mut live {
            *payout = recorded(world, payout, broadcast(hash)).await;
        }
    }
    world.assert_whole().await;
    let all = world.store.pending(Mode::Live, 100).await.unwrap();
    assert_eq!(all.len(), 8);
    assert!(all.windows(2).all(|pair| pair[0].id < pair[1].id));
    assert_eq!(world.store.pending(Mode::Live, 3).await.unwrap(), all[..3]);
    let ids = [all[0].id, all[2].id, 4_000_000];
    world.store.mark_published(&ids).await.unwrap();
    world.store.mark_published(&ids).await.unwrap();
    world.store.mark_published(&[]).await.unwrap();
    let left: Vec<_> = [&all[1..2], &all[3..]].concat();
    assert_eq!(world.store.pending(Mode::Live, 100).await.unwrap(), left);
}

pub(super) async fn messages_say_whose_they_are(world: &World) {
    let (live, test) = (payout(), payout_of(terms(Mode::Test, "quo_t")));
    let mut untraced = create(&test);
    untraced.traceparent = None;
    world.store.create(&[create(&live), untraced]).await.unwrap();
    let of_mode = |mode| async move { world.store.pending(mode, 10).await.unwrap() };
    let (for_broker, for_sandbox) = (of_mode(Mode::Live).await, of_mode(Mode::Test).await);
    assert_eq!((for_broker.len(), for_sandbox.len()), (1, 1), "each mode has its own");
    assert_eq!((for_broker[0].mode, for_sandbox[0].mode), (Mode::Live, Mode::Test));
    let first = &for_broker[0];
    assert_eq!((first.payout_id, first.sequence), (live.id, Sequence::FIRST));
    assert_eq!(first.routing_key, "payout.created.tron");
    assert!(first.traceparent.as_deref().unwrap().starts_with("00-0af7"));
    assert_eq!((for_sandbox[0].payout_id, &for_sandbox[0].traceparent), (test.id, &None));
    let rendered = super::super::world::renderer().cloud_event(&create(&live).change).unwrap();
    assert_eq!(first.body, rendered.body);
}

pub(super) async fn the_backlog_is_told(world: &World) {
    assert_eq!(world.store.backlog().await.unwrap(), Backlog::default());
    let live = created(world, &payout()).await;
    recorded(world, &live, broadcast("0xa")).await;
    assert_eq!(world.store.backlog().await.unwrap(), Backlog { pending: 2, oldest: Some(at(0)) });
    let first = world.store.pending(Mode::Live, 1).await.unwrap()[0].id;
    world.store.mark_published(&[first]).await.unwrap();
    assert_eq!(world.store.backlog().await.unwrap(), Backlog { pending: 1, oldest: Some(at(10)) });
}
