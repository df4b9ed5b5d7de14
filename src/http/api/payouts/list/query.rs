//! The query of `GET /payouts`.

use payoutd_domain::Timestamp;

use super::cursor;
use crate::http::extract::query::{Parameters, page_limit};
use crate::http::principal::Principal;
use crate::http::response::problem::Problem;
use crate::payout_query::{PageCursor, PayoutQuery};
use crate::quotes::{Signer, check_external_ref};

const PARAMETERS: [&str; 7] =
    ["status", "external_ref", "created_after", "created_before", "late", "limit", "cursor"];

#[derive(Debug)]
pub(in crate::http) struct ListQuery {
    pub(in crate::http) filter: PayoutQuery,
    pub(in crate::http) limit: u32,
    /// The position after which the page begins. `None` is the first page.
    pub(in crate::http) position: Option<PageCursor>,
}

impl ListQuery {
    pub(in crate::http) fn parse(
        principal: Principal,
        query: Option<&str>,
        cursor_signer: &Signer,
    ) -> Result<Self, Problem> {
        let parameters = Parameters::parse(query, &PARAMETERS)?;
        let time = |name| {
            let expected = "an RFC 3339 time such as 2026-03-01T12:00:00Z (a + in it is written %2B)";
            parameters.get(name, expected, |text| text.parse::<Timestamp>().ok())
        };
        let filter = PayoutQuery {
            org: principal.org,
            mode: principal.mode,
            status: parameters
                .get("status", "pending, broadcast, delivered or failed", |text| text.parse().ok())?,
            external_ref: parameters.get(
                "external_ref",
                "1 to 255 characters, none of them control characters",
                |text| check_external_ref(text).ok().map(|()| text.to_owned()),
            )?,
            created_after: time("created_after")?,
            created_before: time("created_before")?,
            late: parameters.get("late", "true or false", |text| text.parse().ok())?,
        };
        let expected = "the next_cursor of this very list: ask with the filters it was given for, or without it \
                        from the beginning";
        let position =
            parameters.get("cursor", expected, |text| cursor::decode(cursor_signer, &filter, text))?;
        Ok(Self { limit: page_limit(&parameters)?, filter, position })
    }
}
