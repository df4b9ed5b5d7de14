use async_trait::async_trait;
use payoutd_actors::ports::Unavailable;
use payoutd_domain::{OrgId, Timestamp};
use uuid::Uuid;

use crate::api_keys::{ApiKey, ApiKeyStore, KeyDigest};
use crate::store::db_timestamp::DbTimestamp;
use crate::store::rows::api_keys::ApiKeyRow;
use crate::store::rows::{convert, convert_first, decode_first};
use crate::store::sql;
use crate::store::sql_store::{SqlDatabase, SqlStore};
use crate::store::statement::Statement;

#[async_trait]
impl<S: SqlStore> ApiKeyStore for S {
    async fn find_or_create_org(&self, name: &str, now: Timestamp) -> Result<OrgId, Unavailable> {
        let statement = Statement::new(sql::FIND_OR_INSERT_ORG)
            .bind(Uuid::now_v7())
            .bind(name.to_owned())
            .bind(DbTimestamp(now));
        let org = decode_first(&self.write(statement).await?)?.map(|(id,)| OrgId(id));
        org.ok_or_else(|| Unavailable("the statement returned no organisation".into()))
    }

    async fn insert_key(&self, key: &ApiKey) -> Result<(), Unavailable> {
        let statement = Statement::new(sql::INSERT_API_KEY)
            .bind(key.id)
            .bind(key.org.0)
            .bind(key.mode.as_str())
            .bind(key.digest.0.to_vec())
            .bind(key.hint.clone())
            .bind(DbTimestamp(key.created_at))
            .bind(key.expires_at.map(DbTimestamp));
        self.write(statement).await.map(drop)
    }

    async fn find_key(&self, digest: &KeyDigest) -> Result<Option<ApiKey>, Unavailable> {
        let statement = Statement::new(sql::FIND_API_KEY).bind(digest.0.to_vec());
        convert_first::<_, ApiKeyRow, _>(&self.read(statement).await?)
    }

    async fn list_keys(&self, org_name: Option<&str>) -> Result<Vec<ApiKey>, Unavailable> {
        let statement = Statement::new(S::Database::SQL.list_api_keys).bind(org_name.map(str::to_owned));
        convert::<_, ApiKeyRow, _>(&self.read(statement).await?)
    }

    async fn expire_key(&self, id: Uuid, end: Timestamp) -> Result<bool, Unavailable> {
        let statement = Statement::new(S::Database::SQL.expire_api_key).bind(id).bind(DbTimestamp(end));
        Ok(!self.write(statement).await?.is_empty())
    }
}
