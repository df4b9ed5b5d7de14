//! Lists of payouts: which ones, in which order, and from which place on.

use async_trait::async_trait;
use payoutd_actors::ports::{Stored, Unavailable};
use payoutd_domain::{Mode, OrgId, PayoutId, Snapshot, Status, Timestamp};
use serde::Serialize;

/// Which payouts a list is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PayoutQuery {
    /// Whose.
    pub org: OrgId,
    /// Of which mode.
    pub mode: Mode,
    /// With this status.
    pub status: Option<Status>,
    /// With this reference.
    pub external_ref: Option<String>,
    /// Created at this time or later.
    pub created_after: Option<Timestamp>,
    /// Created before this time.
    pub created_before: Option<Timestamp>,
    /// Late, or not late.
    pub late: Option<bool>,
}

impl PayoutQuery {
    /// The statuses that its payouts can have.
    #[must_use]
    pub fn statuses(&self) -> Vec<Status> {
        let ended_is_fine = self.late != Some(true);
        let fits = |status: &Status| {
            self.status.is_none_or(|wanted| wanted == *status) && (ended_is_fine || !status.is_end())
        };
        Status::ALL.into_iter().filter(fits).collect()
    }

    /// Whether the payout, as it is now, is still one of them. What never changes is not looked at again.
    #[must_use]
    pub fn matches(&self, payout: &Snapshot) -> bool {
        self.status.is_none_or(|status| status == payout.status())
            && self.late.is_none_or(|late| late == payout.late())
    }
}

/// A place in the order of lists: newest first, and by id where two are of one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PageCursor {
    /// The time of creation.
    pub created_at: Timestamp,
    /// The payout.
    pub id: PayoutId,
}

impl PageCursor {
    /// The place just before every payout that was created before `time`.
    #[must_use]
    pub fn before(time: Timestamp) -> Self {
        Self { created_at: time, id: PayoutId(uuid::Uuid::nil()) }
    }

    /// The place of a payout.
    #[must_use]
    pub fn of(payout: &Stored) -> Self {
        Self { created_at: payout.created.created_at, id: payout.created.id }
    }
}

/// Finds payouts.
#[async_trait]
pub trait PayoutQueryStore: Send + Sync + 'static {
    /// At most `limit` payouts that `filter` held for when it looked, newest first, from after `place` on. One is late at
    /// `now` where its time has passed, said so or not.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn page(
        &self,
        filter: &PayoutQuery,
        place: PageCursor,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Stored>, Unavailable>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_under_way_can_be_late() {
        let filter = |status, late| PayoutQuery {
            org: OrgId(uuid::Uuid::nil()),
            mode: Mode::Live,
            status,
            external_ref: None,
            created_after: None,
            created_before: None,
            late,
        };
        assert_eq!(filter(None, None).statuses(), Status::ALL);
        assert_eq!(filter(None, Some(false)).statuses(), Status::ALL);
        assert_eq!(filter(None, Some(true)).statuses(), [Status::Pending, Status::Broadcast]);
        assert_eq!(filter(Some(Status::Failed), Some(false)).statuses(), [Status::Failed]);
        assert_eq!(filter(Some(Status::Failed), Some(true)).statuses(), []);
    }
}
