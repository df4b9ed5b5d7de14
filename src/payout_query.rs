//! Queries for lists of payouts: filter, order and position.

use async_trait::async_trait;
use payoutd_actors::ports::{Stored, Unavailable};
use payoutd_domain::{Mode, OrgId, PayoutId, Snapshot, Status, Timestamp};
use serde::Serialize;

/// The filter of a list of payouts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PayoutQuery {
    pub org: OrgId,
    pub mode: Mode,
    pub status: Option<Status>,
    pub external_ref: Option<String>,
    /// Inclusive.
    pub created_after: Option<Timestamp>,
    /// Exclusive.
    pub created_before: Option<Timestamp>,
    pub late: Option<bool>,
}

impl PayoutQuery {
    /// The statuses that matching payouts can have. Payouts that have ended are never late.
    #[must_use]
    pub fn statuses(&self) -> Vec<Status> {
        let includes_ended = self.late != Some(true);
        let is_possible = |status: &Status| {
            self.status.is_none_or(|wanted| wanted == *status) && (includes_ended || !status.is_end())
        };
        Status::ALL.into_iter().filter(is_possible).collect()
    }

    /// Whether the current snapshot of a listed payout still matches. Checks only the properties that change.
    #[must_use]
    pub fn matches(&self, payout: &Snapshot) -> bool {
        self.status.is_none_or(|status| status == payout.status())
            && self.late.is_none_or(|late| late == payout.late())
    }
}

/// A position in the order of lists: by creation time, then by id, both descending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PageCursor {
    pub created_at: Timestamp,
    pub id: PayoutId,
}

impl PageCursor {
    /// The position before all payouts created before `time`.
    #[must_use]
    pub fn before(time: Timestamp) -> Self {
        Self { created_at: time, id: PayoutId(uuid::Uuid::nil()) }
    }

    /// The position of a payout.
    #[must_use]
    pub fn of(payout: &Stored) -> Self {
        Self { created_at: payout.created.created_at, id: payout.created.id }
    }
}

#[async_trait]
pub trait PayoutQueryStore: Send + Sync + 'static {
    /// Returns at most `limit` payouts that match `query`, in list order, starting after `position`. A payout counts as late
    /// if its due time is before `now`, also if the change to late is not committed yet.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be read.
    async fn page(
        &self,
        query: &PayoutQuery,
        position: PageCursor,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Stored>, Unavailable>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_payouts_that_have_not_ended_can_be_late() {
        let query = |status, late| PayoutQuery {
            org: OrgId(uuid::Uuid::nil()),
            mode: Mode::Live,
            status,
            external_ref: None,
            created_after: None,
            created_before: None,
            late,
        };
        assert_eq!(query(None, None).statuses(), Status::ALL);
        assert_eq!(query(None, Some(false)).statuses(), Status::ALL);
        assert_eq!(query(None, Some(true)).statuses(), [Status::Pending, Status::Broadcast]);
        assert_eq!(query(Some(Status::Failed), Some(false)).statuses(), [Status::Failed]);
        assert_eq!(query(Some(Status::Failed), Some(true)).statuses(), []);
    }
}
