use std::sync::Arc;

use sqlx_macros::FromRow;

use super::InvalidColumn;
use super::terms::TermsRow;
use crate::quotes::Quote;
use crate::store::db_timestamp::DbTimestamp;

#[derive(Debug, FromRow)]
pub(in crate::store) struct QuoteRow {
    #[sqlx(flatten)]
    terms: TermsRow,
    created_at: DbTimestamp,
    expires_at: DbTimestamp,
}

impl TryFrom<QuoteRow> for Quote {
    type Error = InvalidColumn;

    fn try_from(row: QuoteRow) -> Result<Self, InvalidColumn> {
        Ok(Self {
            terms: Arc::new(row.terms.try_into()?),
            created_at: row.created_at.0,
            expires_at: row.expires_at.0,
        })
    }
}
