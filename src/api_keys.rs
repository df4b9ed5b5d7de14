//! API keys. A key is shown once, when it is created; the store contains only its digest.

mod secret;

use async_trait::async_trait;
use payoutd_actors::ports::Unavailable;
use payoutd_domain::{Mode, OrgId, Timestamp};
use uuid::Uuid;

pub use secret::{KeyDigest, SecretKey};

/// A stored API key, without the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The id by which operators refer to the key.
    pub id: Uuid,
    pub org: OrgId,
    pub org_name: String,
    pub mode: Mode,
    pub digest: KeyDigest,
    /// The last four characters of the secret, by which operators tell keys apart.
    pub hint: String,
    pub created_at: Timestamp,
    /// The first moment at which the key is refused; `None` if it does not expire.
    pub expires_at: Option<Timestamp>,
}

impl ApiKey {
    #[must_use]
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

/// Stores API keys and organisations.
#[async_trait]
pub trait ApiKeyStore: Send + Sync + 'static {
    /// Returns the organisation with this name. Creates it if it does not exist.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be written.
    async fn find_or_create_org(&self, name: &str, now: Timestamp) -> Result<OrgId, Unavailable>;

    /// # Errors
    /// Returns `Unavailable` if the store cannot be written.
    async fn insert_key(&self, key: &ApiKey) -> Result<(), Unavailable>;

    /// Returns the key with this digest, also if it has expired.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be read.
    async fn find_key(&self, digest: &KeyDigest) -> Result<Option<ApiKey>, Unavailable>;

    /// Returns all keys or those of one organisation, newest first.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be read.
    async fn list_keys(&self, org_name: Option<&str>) -> Result<Vec<ApiKey>, Unavailable>;

    /// Makes a key expire at `expires_at`, unless it expires earlier. Returns whether the key exists.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be written.
    async fn expire_key(&self, id: Uuid, expires_at: Timestamp) -> Result<bool, Unavailable>;
}
