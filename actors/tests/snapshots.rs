//! The snapshot cache: the snapshots that readers get never go back.

use std::sync::Arc;

use payoutd_actors::read::snapshots::SnapshotCache;
use payoutd_actors::testing::sample::{self, id};
use payoutd_domain::{Payout, Snapshot, Version};

fn of_version(version: i64) -> Arc<Snapshot> {
    Arc::new(Snapshot { version: Version(version), ..Payout::new(Arc::new(sample::payout(1))).snapshot() })
}

fn cached_version(snapshots: &SnapshotCache) -> Option<i64> {
    snapshots.get(id(1)).map(|snapshot| snapshot.version.0)
}

#[test]
fn a_snapshot_read_while_the_actor_loads_is_not_replaced_by_an_older_one() {
    let snapshots = SnapshotCache::default();
    snapshots.register(id(1));
    assert_eq!(cached_version(&snapshots), None);
    assert_eq!(snapshots.newest(of_version(5)).version.0, 5);
    assert_eq!(cached_version(&snapshots), None, "the actor has not confirmed it");
    snapshots.publish(of_version(4));
    assert_eq!(cached_version(&snapshots), Some(5));
}

#[test]
fn a_stale_snapshot_is_not_returned_and_not_replaced_by_an_older_one() {
    let snapshots = SnapshotCache::default();
    snapshots.publish(of_version(4));
    snapshots.mark_stale(id(1));
    assert_eq!(cached_version(&snapshots), None);
    assert_eq!(snapshots.newest(of_version(3)).version.0, 4);
    snapshots.publish(of_version(6));
    assert_eq!(cached_version(&snapshots), Some(6));
}

#[test]
fn the_snapshot_of_a_stopped_actor_is_removed() {
    let snapshots = SnapshotCache::default();
    snapshots.publish(of_version(4));
    snapshots.remove(id(1));
    assert_eq!(snapshots.newest(of_version(6)).version.0, 6);
    snapshots.mark_stale(id(1));
    assert_eq!(cached_version(&snapshots), None);
}
