use crate::{Mode, OrgId, Terms};

/// An organisation in one mode. Every payout, quote and webhook endpoint belongs to exactly one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Account {
    /// The organisation.
    pub org: OrgId,
    /// The mode.
    pub mode: Mode,
}

impl From<&Terms> for Account {
    fn from(terms: &Terms) -> Self {
        Self { org: terms.org, mode: terms.mode }
    }
}
