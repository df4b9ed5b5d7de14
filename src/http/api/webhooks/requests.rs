//! The requests of `/webhooks`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use payoutd_domain::{PayoutId, Sequence};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::contracts;
use crate::http::extract::query::{Parameters, page_limit};
use crate::http::response::problem::Problem;
use crate::webhooks::{EventType, NewEndpoint, ReplayRequest};

/// A webhook endpoint to be registered.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewWebhookEndpoint")]
pub(in crate::http) struct CreateRequest {
    /// Where to post events: `https://`, a public name or address, port 443, 80 or from 1024 up, no credentials, no
    /// fragment.
    #[schemars(url, length(max = 2048), example = &"https://partner.example/payout-events")]
    url: String,
    /// The types of the events to send. If absent: `payout.broadcast`, `payout.delivered` and `payout.failed`.
    #[serde(default)]
    #[schemars(with = "Option<Vec<EventType>>")]
    types: Option<Vec<String>>,
    /// What it is for, in your words.
    #[serde(default)]
    #[schemars(length(max = 255))]
    description: Option<String>,
}

impl CreateRequest {
    pub(super) fn into_new_endpoint(self) -> Result<NewEndpoint, Problem> {
        let parse = |name: &String| {
            let known = EventType::ALL.map(EventType::as_str).join(", ");
            name.parse::<EventType>()
                .map_err(|_| Problem::validation("types", format!("types: each must be one of {known}.")))
        };
        let types =
            self.types.map(|names| names.iter().map(parse).collect::<Result<Vec<_>, _>>()).transpose()?;
        Ok(NewEndpoint { url: self.url, types, description: self.description.unwrap_or_default() })
    }
}

/// What to send again: the events of a payout, the event of one of its changes, or those since a time.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "WebhookReplayRequest", extend("oneOf" = [
    { "required": ["payout_id"], "properties": { "payout_id": { "type": "string" }, "since": { "type": "null" } } },
    {
        "required": ["since"],
        "properties": {
            "since": { "type": "string" }, "payout_id": { "type": "null" }, "sequence": { "type": "null" },
        },
    },
]))]
pub(in crate::http) struct ReplayFields {
    /// Replays the events of this payout.
    #[serde(default)]
    payout_id: Option<String>,
    /// With `payout_id`: only the event of this change.
    #[serde(default)]
    sequence: Option<i64>,
    /// Replays the events recorded since then.
    #[serde(default)]
    #[schemars(with = "Option<contracts::Time>")]
    since: Option<String>,
}

impl ReplayFields {
    pub(super) fn into_request(self) -> Result<ReplayRequest, Problem> {
        match self {
            Self { payout_id: Some(id), sequence, since: None } => {
                let id: PayoutId = id.parse().map_err(|_| Problem::payout_not_found().at("payout_id"))?;
                Ok(sequence
                    .map_or(ReplayRequest::Payout(id), |number| ReplayRequest::Change(id, Sequence(number))))
            }
            Self { payout_id: None, sequence: None, since: Some(since) } => {
                let since = since
                    .parse()
                    .map_err(|error| Problem::validation("since", format!("since: {error}.")))?;
                Ok(ReplayRequest::Since(since))
            }
            Self { payout_id: None, sequence: Some(_), since: _ } => {
                Err(Problem::validation("payout_id", "payout_id: a sequence is that of a payout."))
            }
            Self { payout_id: Some(_), since: Some(_), .. } => {
                Err(Problem::validation("since", "since: give either a payout or a time."))
            }
            Self { payout_id: None, sequence: None, since: None } => {
                Err(Problem::validation("payout_id", "payout_id: give a payout_id or a time, since."))
            }
        }
    }
}

/// The query of `GET /webhooks/{id}/deliveries`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DeliveriesQuery {
    pub(super) limit: u32,
    pub(super) before: Option<i64>,
}

impl DeliveriesQuery {
    pub(super) fn parse(query: Option<&str>) -> Result<Self, Problem> {
        let parameters = Parameters::parse(query, &["limit", "cursor"])?;
        let limit = page_limit(&parameters)?;
        let before = parameters.get("cursor", "a next_cursor as it was given", decode_cursor)?;
        Ok(Self { limit, before })
    }
}

/// The cursor of a page of deliveries. It is opaque to clients.
pub(super) fn encode_cursor(before: i64) -> String {
    URL_SAFE_NO_PAD.encode(before.to_be_bytes())
}

fn decode_cursor(text: &str) -> Option<i64> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.map(i64::from_be_bytes).filter(|number| *number >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(pairs: &[(&str, &str)]) -> Result<DeliveriesQuery, Problem> {
        let query: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        DeliveriesQuery::parse(Some(&query.join("&")))
    }

    #[test]
    fn a_query_of_deliveries_is_parsed_strictly() {
        assert_eq!(query(&[]).unwrap(), DeliveriesQuery { limit: 50, before: None });
        let cursor = encode_cursor(77);
        let parsed = query(&[("limit", "200"), ("cursor", &cursor)]).unwrap();
        assert_eq!(parsed, DeliveriesQuery { limit: 200, before: Some(77) });
        for (name, value) in [
            ("limit", "0"),
            ("limit", "201"),
            ("limit", "%2B5"),
            ("limit", ""),
            ("cursor", "x"),
            ("cursor", ""),
        ] {
            assert_eq!(query(&[(name, value)]).unwrap_err().field(), Some(name), "{name}={value}");
        }
        assert_eq!(query(&[("page", "1")]).unwrap_err().field(), Some("page"));
        assert_eq!(query(&[("limit", "1"), ("limit", "1")]).unwrap_err().field(), Some("limit"));
    }

    #[test]
    fn a_replay_names_either_a_payout_or_a_time() {
        let parse = |text: &str| serde_json::from_str::<ReplayFields>(text).unwrap().into_request();
        let id = format!("pay_{}", "a".repeat(32));
        let payout: PayoutId = id.parse().unwrap();
        let json = |rest: &str| format!(r#"{{"payout_id":"{id}"{rest}}}"#);
        assert_eq!(parse(&json("")).unwrap(), ReplayRequest::Payout(payout));
        assert_eq!(parse(&json(r#","sequence":2"#)).unwrap(), ReplayRequest::Change(payout, Sequence(2)));
        assert!(matches!(parse(r#"{"since":"2026-01-01T00:00:00Z"}"#), Ok(ReplayRequest::Since(_))));
        for wrong in
            ["{}", r#"{"sequence":1}"#, r#"{"since":"soon"}"#, &json(r#","since":"2026-01-01T00:00:00Z""#)]
        {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
