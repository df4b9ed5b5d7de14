//! What readers are shown of live payouts never goes back.

use std::sync::Arc;

use payoutd_actors::read::snapshots::SnapshotCache;
use payoutd_actors::testing::sample::{self, id};
use payoutd_domain::{Payout, Snapshot, Version};

fn of_version(version: i64) -> Arc<Snapshot> {
    Arc::new(Snapshot { version: Version(version), ..Payout::new(Arc::new(sample::payout(1))).snapshot() })
}

fn shown(snapshots: &SnapshotCache) -> Option<i64> {
    snapshots.get(id(1)).map(|snapshot| snapshot.version.0)
}

#[test]
fn what_a_reader_saw_while_the_actor_loaded_is_not_taken_back() {
    let snapshots = SnapshotCache::default();
    snapshots.register(id(1));
    assert_eq!(shown(&snapshots), None);
    assert_eq!(snapshots.newest(of_version(5)).version.0, 5);
    assert_eq!(shown(&snapshots), None, "the actor is not sure yet");
    snapshots.publish(of_version(4));
    assert_eq!(shown(&snapshots), Some(5));
}

#[test]
fn in_doubt_the_database_is_asked_and_nothing_older_is_shown() {
    let snapshots = SnapshotCache::default();
    snapshots.publish(of_version(4));
    snapshots.mark_stale(id(1));
    assert_eq!(shown(&snapshots), None);
    assert_eq!(snapshots.newest(of_version(3)).version.0, 4);
    snapshots.publish(of_version(6));
    assert_eq!(shown(&snapshots), Some(6));
}

#[test]
fn nobody_is_remembered_once_the_actor_is_gone() {
    let snapshots = SnapshotCache::default();
    snapshots.publish(of_version(4));
    snapshots.remove(id(1));
    assert_eq!(snapshots.newest(of_version(6)).version.0, 6);
    snapshots.mark_stale(id(1));
    assert_eq!(shown(&snapshots), None);
}
