use payoutd::outbox::Backlog;
use payoutd_domain::{ChangeKind, Mode, Sequence};

use super::super::samples::{at, broadcast, create, delivered, payout, payout_of, terms};
use super::{TestStore, created, recorded};

pub(super) async fn both_changes_of_one_input_enter_the_outbox_in_order(test: &TestStore) {
    let live = created(test, &payout()).await;
    recorded(test, &live, delivered("0xa")).await;
    let messages: Vec<_> = test
        .store
        .pending(Mode::Live, 10)
        .await
        .unwrap()
        .into_iter()
        .map(|message| (message.sequence.0, message.kind))
        .collect();
    use ChangeKind::{Broadcast, Created, Delivered};
    assert_eq!(messages, [(1, Created), (2, Broadcast), (3, Delivered)]);
}

pub(super) async fn messages_wait_until_they_are_published(test: &TestStore) {
    let mut live = [created(test, &payout()).await, created(test, &payout()).await];
    for hash in ["0xa", "0xb", "0xc"] {
        for payout in &mut live {
            *payout = recorded(test, payout, broadcast(hash)).await;
        }
    }
    test.assert_consistent().await;
    let all = test.store.pending(Mode::Live, 100).await.unwrap();
    assert_eq!(all.len(), 8);
    assert!(all.windows(2).all(|pair| pair[0].id < pair[1].id));
    assert_eq!(test.store.pending(Mode::Live, 3).await.unwrap(), all[..3]);
    let ids = [all[0].id, all[2].id, 4_000_000];
    test.store.mark_published(&ids).await.unwrap();
    test.store.mark_published(&ids).await.unwrap();
    test.store.mark_published(&[]).await.unwrap();
    let left: Vec<_> = [&all[1..2], &all[3..]].concat();
    assert_eq!(test.store.pending(Mode::Live, 100).await.unwrap(), left);
}

pub(super) async fn messages_carry_their_mode_payout_and_trace_context(test: &TestStore) {
    let (live, sandbox) = (payout(), payout_of(terms(Mode::Test, "quo_t")));
    let mut untraced = create(&sandbox);
    untraced.traceparent = None;
    test.store.create(&[create(&live), untraced]).await.unwrap();
    let of_mode = |mode| async move { test.store.pending(mode, 10).await.unwrap() };
    let (for_broker, for_sandbox) = (of_mode(Mode::Live).await, of_mode(Mode::Test).await);
    assert_eq!((for_broker.len(), for_sandbox.len()), (1, 1), "each mode has its own messages");
    assert_eq!((for_broker[0].mode, for_sandbox[0].mode), (Mode::Live, Mode::Test));
    let first = &for_broker[0];
    assert_eq!((first.payout_id, first.sequence), (live.id, Sequence::FIRST));
    assert_eq!(first.routing_key, "payout.created.tron");
    assert!(first.traceparent.as_deref().unwrap().starts_with("00-0af7"));
    assert_eq!((for_sandbox[0].payout_id, &for_sandbox[0].traceparent), (sandbox.id, &None));
    let rendered = super::super::test_store::encoder().encode(&create(&live).change).unwrap();
    assert_eq!(first.body, rendered.body);
}

pub(super) async fn the_backlog_has_the_count_and_the_oldest_time(test: &TestStore) {
    assert_eq!(test.store.backlog().await.unwrap(), Backlog::default());
    let live = created(test, &payout()).await;
    recorded(test, &live, broadcast("0xa")).await;
    assert_eq!(test.store.backlog().await.unwrap(), Backlog { pending: 2, oldest: Some(at(0)) });
    let first = test.store.pending(Mode::Live, 1).await.unwrap()[0].id;
    test.store.mark_published(&[first]).await.unwrap();
    assert_eq!(test.store.backlog().await.unwrap(), Backlog { pending: 1, oldest: Some(at(10)) });
}
