//! Which actors have nothing to do here any more.

use std::collections::HashMap;

use tokio::time::Instant;

use super::SupervisorConfig;
use super::slot::Slot;
use crate::read::snapshots::SnapshotCache;
use payoutd_domain::PayoutId;

/// The payouts whose actors are to stop: the idle, those that have ended, and the least recently used beyond the limit.
pub(super) fn passivation_candidates(
    slots: &HashMap<PayoutId, Slot>,
    snapshots: &SnapshotCache,
    config: SupervisorConfig,
) -> Vec<PayoutId> {
    let now = Instant::now();
    let mut staying = Vec::with_capacity(slots.len());
    let mut leaving = Vec::new();
    for (id, slot) in slots {
        let Slot::Live { last_used, .. } = slot else { continue };
        let unused = now.duration_since(*last_used);
        let ended = || snapshots.get(*id).is_some_and(|snapshot| snapshot.status().is_end());
        if unused >= config.idle_after || (unused >= config.ended_after && ended()) {
            leaving.push(*id);
        } else {
            staying.push((*last_used, *id));
        }
    }
    let too_many = staying.len().saturating_sub(config.max_live);
    if too_many > 0 {
        staying.select_nth_unstable(too_many - 1);
        leaving.extend(staying[..too_many].iter().map(|(_, id)| *id));
    }
    // In an order that does not depend on the map's, so that a simulation runs the same way twice.
    leaving.sort_unstable();
    leaving
}
