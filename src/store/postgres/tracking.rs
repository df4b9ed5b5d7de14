//! The tracking port.

use async_trait::async_trait;
use payoutd_actors::ports::Unavailable;
use payoutd_domain::{PayoutId, TrackingToken};
use sqlx::Row;

use super::{PgStore, sql};
use crate::tracking::TokenIndex;

#[async_trait]
impl TokenIndex for PgStore {
    async fn payout_by_token(&self, token: TrackingToken) -> Result<Option<PayoutId>, Unavailable> {
        let rows = self.read(sqlx::query(sql::TOKEN_OWNER).bind(token.0)).await?;
        Ok(rows.first().map(|row| PayoutId(row.get(0))))
    }
}
