//! Settings the program makes once and keeps.

use payoutd_actors::ports::Unavailable;
use sqlx::Row;

use super::{SqliteStore, sql};
use crate::runtime::detached::unavailable;

impl SqliteStore {
    pub(super) async fn setting_or(&self, name: &str, default: &str) -> Result<String, Unavailable> {
        let statement = sqlx::query(sql::SETTING).bind(name.to_owned()).bind(default.to_owned());
        let rows = self.write_one(statement).await.map_err(unavailable)?;
        let kept = rows.first().map(|row| row.get(0));
        kept.ok_or_else(|| Unavailable("the setting did not come back".into()))
    }
}
