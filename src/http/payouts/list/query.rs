//! What a list is asked for.

use payoutd_domain::Timestamp;

use super::cursor;
use crate::http::query::{Parameters, page_limit};
use crate::http::{Principal, Problem};
use crate::payout_query::{PageCursor, PayoutQuery};
use crate::quotes::{Signer, check_external_ref};

const PARAMETERS: [&str; 7] =
    ["status", "external_ref", "created_after", "created_before", "late", "limit", "cursor"];

/// A query, understood.
#[derive(Debug)]
pub(in crate::http) struct ListQuery {
    pub(in crate::http) filter: PayoutQuery,
    pub(in crate::http) limit: u32,
    /// Where to go on; `None` from the beginning.
    pub(in crate::http) place: Option<PageCursor>,
}

impl ListQuery {
    pub(in crate::http) fn of(
        principal: Principal,
        query: Option<&str>,
        cursors: &Signer,
    ) -> Result<Self, Problem> {
        let parameters = Parameters::of(query, &PARAMETERS)?;
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
        let place = parameters.get("cursor", expected, |text| cursor::read(cursors, &filter, text))?;
        Ok(Self { limit: page_limit(&parameters)?, filter, place })
    }
}
