//! API keys: made, shown once, kept as digests.

mod secret;

use async_trait::async_trait;
use payoutd_actors::ports::Unavailable;
use payoutd_domain::{Mode, OrgId, Timestamp};
use uuid::Uuid;

pub use secret::{KeyDigest, SecretKey};

/// An API key as it is kept. The key itself is nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Names the key to operators.
    pub id: Uuid,
    /// Whose key it is.
    pub org: OrgId,
    /// The organisation's name, for operators.
    pub org_name: String,
    /// What it opens.
    pub mode: Mode,
    /// SHA-256 of the key.
    pub digest: KeyDigest,
    /// The key's last four characters, to tell keys apart.
    pub hint: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is refused; `None` while it has no end.
    pub expires_at: Option<Timestamp>,
}

impl ApiKey {
    /// Whether the key opens anything at `now`.
    #[must_use]
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

/// Where keys are kept.
#[async_trait]
pub trait ApiKeyStore: Send + Sync + 'static {
    /// The organisation of that name, made where there is none.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn find_or_create_org(&self, name: &str, now: Timestamp) -> Result<OrgId, Unavailable>;

    /// Keeps a new key.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn insert_key(&self, key: &ApiKey) -> Result<(), Unavailable>;

    /// The key with this digest, valid or not.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn find_key(&self, digest: &KeyDigest) -> Result<Option<ApiKey>, Unavailable>;

    /// All keys, or those of one organisation, newest first.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn list_keys(&self, org_name: Option<&str>) -> Result<Vec<ApiKey>, Unavailable>;

    /// Ends a key at `end`, or earlier where it already ends earlier. Returns whether there is such a key.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn expire_key(&self, id: Uuid, end: Timestamp) -> Result<bool, Unavailable>;
}
