//! The key store port.

use async_trait::async_trait;
use payoutd_actors::ports::Unavailable;
use payoutd_domain::{OrgId, Timestamp};
use sqlx::Row;
use uuid::Uuid;

use super::{PgStore, sql};
use crate::api_keys::{ApiKey, ApiKeyStore, KeyDigest};
use crate::runtime::detached::unavailable;
use crate::store::at::At;
use crate::store::rows::{KeyRow, converted, first};

#[async_trait]
impl ApiKeyStore for PgStore {
    async fn find_or_create_org(&self, name: &str, now: Timestamp) -> Result<OrgId, Unavailable> {
        let statement = sqlx::query(sql::ORG_NAMED).bind(Uuid::now_v7()).bind(name.to_owned()).bind(At(now));
        let rows = self.write(statement).await.map_err(unavailable)?;
        let kept = rows.first().map(|row| OrgId(row.get(0)));
        kept.ok_or_else(|| Unavailable("the organisation did not come back".into()))
    }

    async fn insert_key(&self, key: &ApiKey) -> Result<(), Unavailable> {
        let statement = sqlx::query(sql::INSERT_KEY)
            .bind(key.id)
            .bind(key.org.0)
            .bind(key.mode.as_str())
            .bind(key.digest.0.to_vec())
            .bind(key.hint.clone())
            .bind(At(key.created_at))
            .bind(key.expires_at.map(At));
        self.write(statement).await.map(drop).map_err(unavailable)
    }

    async fn find_key(&self, digest: &KeyDigest) -> Result<Option<ApiKey>, Unavailable> {
        let rows = self.read(sqlx::query(sql::FIND_KEY).bind(digest.0.to_vec())).await?;
        Ok(first(converted::<_, KeyRow, ApiKey>(&rows)?))
    }

    async fn list_keys(&self, org_name: Option<&str>) -> Result<Vec<ApiKey>, Unavailable> {
        let rows = self.read(sqlx::query(sql::LIST_KEYS).bind(org_name.map(str::to_owned))).await?;
        converted::<_, KeyRow, ApiKey>(&rows)
    }

    async fn expire_key(&self, id: Uuid, end: Timestamp) -> Result<bool, Unavailable> {
        let statement = sqlx::query(sql::EXPIRE_KEY).bind(id).bind(At(end));
        Ok(!self.write(statement).await.map_err(unavailable)?.is_empty())
    }
}
