//! Whose endpoints are meant.

use payoutd_domain::{Mode, NewPayout, OrgId};

use crate::webhooks::Endpoint;

/// An organisation in one mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// The organisation.
    pub org: OrgId,
    /// The mode.
    pub mode: Mode,
}

impl Owner {
    pub(super) fn owns(self, endpoint: &Endpoint) -> bool {
        endpoint.org == self.org && endpoint.mode == self.mode
    }

    pub(super) fn owns_payout(self, payout: &NewPayout) -> bool {
        payout.terms.org == self.org && payout.terms.mode == self.mode
    }
}
