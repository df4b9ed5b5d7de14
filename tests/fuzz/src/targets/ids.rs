//! Ids and times: each id has exactly one text.

use std::fmt::Display;
use std::str::FromStr;

use payoutd::tracking::token_lookup::parse_token;
use payoutd::webhooks::EndpointId;
use payoutd_domain::{OrgId, PayoutId, QuoteId, Timestamp};

use crate::{Target, Verdict};

pub(super) const TARGET: Target = Target {
    name: "ids",
    run,
    dictionary: &[
        "pay_",
        "quo_",
        "we_",
        "org_",
        "-",
        "2026-03-01T12:00:00Z",
        "+05:30",
        ".123456789",
        "z",
        "t",
        "9999-12-31",
        "0123456789abcdef0123456789abcdef",
        "A",
        "0",
    ],
    inputs: 40_000,
};

fn run(input: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(input) else { return Verdict::Refused };
    let exact = [
        exact::<PayoutId>(text),
        exact::<OrgId>(text),
        exact::<EndpointId>(text),
        exact::<QuoteId>(text),
        token(text),
        timestamp(text),
    ];
    if exact.contains(&true) { Verdict::Accepted } else { Verdict::Refused }
}

/// Whether `text` is an id. Asserts that it is the only text of this id.
fn exact<T: FromStr + Display>(text: &str) -> bool {
    let Ok(id) = text.parse::<T>() else { return false };
    assert_eq!(id.to_string(), text);
    true
}

fn token(text: &str) -> bool {
    let Some(token) = parse_token(text) else { return false };
    assert_eq!(token.to_string(), text);
    true
}

/// A time can be written in several ways, but is always formatted in the same way.
fn timestamp(text: &str) -> bool {
    let Ok(time) = text.parse::<Timestamp>() else { return false };
    let printed = time.to_string();
    assert_eq!(printed.parse(), Ok(time), "{text} formatted");
    assert!(printed.ends_with('Z') && printed.len() == 27, "{printed}");
    assert_eq!(Timestamp::from_micros(time.micros()), Ok(time));
    true
}
