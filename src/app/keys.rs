//! API keys, as operators manage them.

use std::sync::Arc;

use payoutd_domain::{Mode, Timestamp};
use uuid::Uuid;

use super::components::open_store;
use super::error::AppError;
use super::system_clock::SystemClock;
use crate::api_keys::{ApiKey, SecretKey};
use crate::config::Config;
use crate::store::Store;

/// The API keys of a store.
pub(crate) struct Keys {
    store: Arc<dyn Store>,
    now: Timestamp,
}

impl Keys {
    pub(crate) async fn open(config: &Config) -> Result<Self, AppError> {
        Ok(Self::new(open_store(config).await?))
    }

    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, now: SystemClock::read() }
    }

    /// Creates a key, and the organisation if it does not exist.
    pub(crate) async fn create(&self, org_name: &str, mode: Mode) -> Result<SecretKey, AppError> {
        let org = self.store.find_or_create_org(org_name, self.now).await?;
        let secret = SecretKey::generate(mode)?;
        let key = ApiKey {
            id: Uuid::now_v7(),
            org,
            org_name: org_name.to_owned(),
            mode,
            digest: secret.digest(),
            hint: secret.hint().to_owned(),
            created_at: self.now,
            expires_at: None,
        };
        self.store.insert_key(&key).await?;
        Ok(secret)
    }

    /// Lists all keys, or those of one organisation, newest first.
    pub(crate) async fn list(&self, org_name: Option<&str>) -> Result<Vec<ApiKey>, AppError> {
        Ok(self.store.list_keys(org_name).await?)
    }

    /// Creates a key that replaces another one, which stays valid for `overlap_seconds`.
    ///
    /// # Errors
    /// Returns `AppError::NoValidKey` if there is no valid key to replace.
    pub(crate) async fn rotate(&self, id: Uuid, overlap_seconds: u32) -> Result<SecretKey, AppError> {
        let old = self.store.list_keys(None).await?.into_iter().find(|key| key.id == id);
        let old = old.filter(|key| key.is_valid_at(self.now)).ok_or(AppError::NoValidKey(id))?;
        let secret = self.create(&old.org_name, old.mode).await?;
        self.store.expire_key(id, self.now.plus_seconds(overlap_seconds)).await?;
        Ok(secret)
    }

    /// # Errors
    /// Returns `AppError::UnknownKey` if there is no such key.
    pub(crate) async fn revoke(&self, id: Uuid) -> Result<(), AppError> {
        if self.store.expire_key(id, self.now).await? { Ok(()) } else { Err(AppError::UnknownKey(id)) }
    }

    pub(crate) fn is_expired(&self, key: &ApiKey) -> bool {
        !key.is_valid_at(self.now)
    }

    pub(crate) async fn close(self) {
        self.store.close().await;
    }
}
