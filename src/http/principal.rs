//! The authenticated caller.

use payoutd_domain::{Account, Mode, OrgId};
use uuid::Uuid;

/// The caller that a request's API key identifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Principal {
    pub org: OrgId,
    pub mode: Mode,
    /// The id of the API key.
    pub key_id: Uuid,
}

impl Principal {
    #[must_use]
    pub fn account(self) -> Account {
        Account { org: self.org, mode: self.mode }
    }
}
