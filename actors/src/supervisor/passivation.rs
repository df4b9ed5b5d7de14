//! The selection of actors to stop.

use std::collections::HashMap;

use tokio::time::Instant;

use super::config::SupervisorConfig;
use super::slot::Slot;
use crate::read::snapshots::SnapshotCache;
use payoutd_domain::PayoutId;

/// The payouts whose actors are to be stopped: the idle, those in an end state, and the least recently used above the
/// limit.
pub(super) fn passivation_candidates(
    slots: &HashMap<PayoutId, Slot>,
    snapshots: &SnapshotCache,
    config: SupervisorConfig,
) -> Vec<PayoutId> {
    let now = Instant::now();
    let mut remaining = Vec::with_capacity(slots.len());
    let mut candidates = Vec::new();
    for (id, slot) in slots {
        let Slot::Live { last_used, .. } = slot else { continue };
        let unused = now.duration_since(*last_used);
        let ended = || snapshots.get(*id).is_some_and(|snapshot| snapshot.status().is_end());
        if unused >= config.idle_after || (unused >= config.ended_after && ended()) {
            candidates.push(*id);
        } else {
            remaining.push((*last_used, *id));
        }
    }
    let excess = remaining.len().saturating_sub(config.max_live);
    if excess > 0 {
        remaining.select_nth_unstable(excess - 1);
        candidates.extend(remaining[..excess].iter().map(|(_, id)| *id));
    }
    // The order must not depend on the map's, so that a simulation is reproducible.
    candidates.sort_unstable();
    candidates
}
