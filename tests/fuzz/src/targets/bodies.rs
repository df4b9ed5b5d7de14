//! The request bodies of `POST /payouts/quote` and `POST /payouts`.

use std::sync::LazyLock;

use payoutd::config::Config;
use payoutd::http::{Code, Problem, fuzzing};
use payoutd::quotes::destination::Destination;
use payoutd::quotes::{Routes, pricing};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::{Target, Verdict};

pub(super) const QUOTE: Target = Target {
    name: "quote_body",
    run: quote,
    dictionary: &[
        "\"external_ref\"",
        "\"destination\"",
        "\"asset\"",
        "\"amount\"",
        "\"network_hint\"",
        "\"amount\":\"1\",",
        "null",
        "\\u0000",
        "\\ud800",
        "\"25.00\"",
        "\"tron\"",
        "\"USDC\"",
        "\"btc\"",
        "1e5",
        "{}",
        "[",
        "{\"a\":",
        "\"quote_id\":1,",
    ],
    inputs: 20_000,
};

pub(super) const CREATE: Target = Target {
    name: "create_body",
    run: create,
    dictionary: &[
        "\"quote_id\"",
        "\"quote_id\":\"a\",",
        "null",
        "\\u0000",
        "\"amount\":\"1\"",
        "{",
        "}",
        "[",
        ",",
        "\"\"",
        "1",
    ],
    inputs: 40_000,
};

/// The fields of a quote request.
const FIELDS: [&str; 5] = ["external_ref", "destination", "asset", "amount", "network_hint"];

static ROUTES: LazyLock<Option<Routes>> =
    LazyLock::new(|| Routes::try_from(&Config::from_environment([]).ok()?.routes).ok());

fn quote(body: &[u8]) -> Verdict {
    let request = match fuzzing::quote_request(body) {
        Ok(request) => request,
        Err(problem) => return refused(&problem),
    };
    assert_exact(body, &FIELDS, 4);
    let routes = ROUTES.as_ref().unwrap_or_else(|| panic!("the default routes are valid"));
    match pricing::price(routes, &request) {
        Ok(price) => {
            assert_eq!(
                request.amount.parse(),
                Ok(price.recipient_gets),
                "the recipient gets the requested amount"
            );
            assert!(!price.recipient_gets.is_zero() && price.user_sends >= price.recipient_gets);
            let again = Destination::of_family(price.destination.as_str(), price.destination.family());
            assert_eq!(again.as_ref(), Ok(&price.destination));
            assert!(price.route.seconds_after_broadcast <= price.route.estimated_seconds);
            Verdict::Accepted
        }
        Err(error) => {
            assert!(FIELDS.contains(&error.field()));
            // Short texts and texts with spaces may be part of the message itself.
            let destination = &request.destination;
            let looks_like_an_address = destination.len() > 20 && !destination.contains(' ');
            assert!(!looks_like_an_address || !error.to_string().contains(destination), "{error}");
            Verdict::Refused
        }
    }
}

fn create(body: &[u8]) -> Verdict {
    match fuzzing::create_request(body) {
        Ok(quote_id) => {
            assert_exact(body, &["quote_id"], 1);
            let again = serde_json::json!({ "quote_id": quote_id }).to_string();
            assert_eq!(fuzzing::create_request(again.as_bytes()).ok(), Some(quote_id));
            Verdict::Accepted
        }
        Err(problem) => refused(&problem),
    }
}

/// Asserts that the problem names the invalid field, or states that the body is not a JSON object.
fn refused(problem: &Problem) -> Verdict {
    let expected = if problem.field().is_some() { Code::ValidationError } else { Code::MalformedRequest };
    assert_eq!(problem.code(), expected, "{problem:?}");
    Verdict::Refused
}

/// Asserts that the body has at least `minimum` keys, each of which is in `known` and occurs once.
fn assert_exact(body: &[u8], known: &[&str], minimum: usize) {
    let Ok(Keys(mut keys)) = serde_json::from_slice(body) else {
        panic!("an accepted body is a JSON object")
    };
    assert!(keys.iter().all(|key| known.contains(&key.as_str())), "{keys:?}");
    let given = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert!(keys.len() == given && given >= minimum, "{keys:?}");
}

/// The keys of an object, with repeats.
struct Keys(Vec<String>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Keys;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut keys = Vec::new();
                while let Some((key, IgnoredAny)) = map.next_entry()? {
                    keys.push(key);
                }
                Ok(Keys(keys))
            }
        }
        deserializer.deserialize_map(Object)
    }
}
