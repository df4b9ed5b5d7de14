use payoutd_domain::{Network, OrgId, Route, Terms, Usd};
use serde::Serialize;
use sqlx_macros::FromRow;
use uuid::Uuid;

use super::{InvalidColumn, hex_uuid, invalid, parse};

/// The terms of a payout or of a quote.
#[derive(Debug, FromRow, Serialize)]
pub(in crate::store) struct TermsRow {
    #[serde(serialize_with = "hex_uuid")]
    pub(in crate::store) org_id: Uuid,
    pub(in crate::store) mode: String,
    pub(in crate::store) quote_id: String,
    pub(in crate::store) external_ref: String,
    pub(in crate::store) destination: String,
    pub(in crate::store) asset: String,
    pub(in crate::store) user_sends: String,
    pub(in crate::store) recipient_gets: String,
    pub(in crate::store) fee_total_usd: String,
    pub(in crate::store) from_network: String,
    pub(in crate::store) to_network: String,
    pub(in crate::store) estimated_seconds: i64,
    pub(in crate::store) seconds_after_broadcast: i64,
}

impl From<&Terms> for TermsRow {
    fn from(terms: &Terms) -> Self {
        Self {
            org_id: terms.org.0,
            mode: terms.mode.to_string(),
            quote_id: terms.quote_id.to_string(),
            external_ref: terms.external_ref.to_string(),
            destination: terms.destination.to_string(),
            asset: terms.asset.to_string(),
            user_sends: terms.user_sends.to_string(),
            recipient_gets: terms.recipient_gets.to_string(),
            fee_total_usd: terms.fee_total.0.to_string(),
            from_network: terms.route.from_network.to_string(),
            to_network: terms.route.to_network.to_string(),
            estimated_seconds: terms.route.estimated_seconds.into(),
            seconds_after_broadcast: terms.route.seconds_after_broadcast.into(),
        }
    }
}

impl TryFrom<TermsRow> for Terms {
    type Error = InvalidColumn;

    fn try_from(row: TermsRow) -> Result<Self, InvalidColumn> {
        let seconds = |column, value: i64| u32::try_from(value).map_err(invalid(column));
        Ok(Self {
            org: OrgId(row.org_id),
            mode: parse("mode", &row.mode)?,
            quote_id: parse("quote_id", &row.quote_id)?,
            external_ref: row.external_ref.into(),
            destination: row.destination.into(),
            asset: row.asset.into(),
            user_sends: parse("user_sends", &row.user_sends)?,
            recipient_gets: parse("recipient_gets", &row.recipient_gets)?,
            fee_total: Usd(parse("fee_total_usd", &row.fee_total_usd)?),
            route: Route {
                from_network: Network::new(&row.from_network),
                to_network: Network::new(&row.to_network),
                estimated_seconds: seconds("estimated_seconds", row.estimated_seconds)?,
                seconds_after_broadcast: seconds("seconds_after_broadcast", row.seconds_after_broadcast)?,
            },
        })
    }
}
