//! Messages that are accepted.

mod properties;
mod refused;

use payoutd_domain::{PayoutId, Report, ReportKey, ReportKind, Timestamp, Usd};
use serde_json::{Value, json};

use super::super::dead_letter::DeadLetterReason::{self, *};
use super::super::incoming::Incoming;
use super::super::message::CONTENT_TYPE;
use super::*;

const PAYOUT: &str = "pay_0192f0c1d2e3748596a7b8c9d0e1f203";
const OTHER: &str = "pay_0192f0c1d2e3748596a7b8c9d0e1f204";

fn received_at() -> Timestamp {
    "2026-05-05T12:00:00Z".parse().unwrap()
}

fn event() -> Value {
    json!({
        "specversion": "1.0",
        "id": "r-1",
        "source": "watchers/tron",
        "type": "chain.delivered",
        "subject": PAYOUT,
        "time": "2026-05-05T11:59:58.5+02:00",
        "data": { "network": "TRON", "tx_hash": "0xAB", "recipient_amount": "99.50", "fees_paid_usd": "1.2" },
    })
}

fn read_structured(body: &[u8]) -> Result<(PayoutId, Report), Unreadable> {
    read_with(body, Some(CONTENT_TYPE), PAYOUT, &[])
}

fn read_with(
    body: &[u8],
    content_type: Option<&str>,
    routing_key: &str,
    headers: &[(String, String)],
) -> Result<(PayoutId, Report), Unreadable> {
    let incoming = Incoming { routing_key, content_type, headers, body, received_at: received_at() };
    read(&incoming, DEFAULT_MAX_BYTES)
}

fn headers(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn with(change: impl FnOnce(&mut Value)) -> String {
    let mut event = event();
    change(&mut event);
    event.to_string()
}

fn set(name: &str, value: Value) -> String {
    with(|event| event[name] = value)
}

fn without(name: &str) -> String {
    with(|event| drop(event.as_object_mut().unwrap().remove(name)))
}

/// The event with another type and other data.
fn of_type(kind: &str, data: Value) -> String {
    with(|event| {
        event["type"] = kind.into();
        event["data"] = data;
    })
}

/// The event with one field of its data replaced.
fn data(name: &str, value: Value) -> String {
    with(|event| event["data"][name] = value)
}

#[test]
fn a_structured_event_is_accepted() {
    let (payout, report) = read_structured(event().to_string().as_bytes()).unwrap();
    assert_eq!(payout.to_string(), PAYOUT);
    assert_eq!(report.key, ReportKey { source: "watchers/tron".into(), id: "r-1".into() });
    assert_eq!(report.time, "2026-05-05T09:59:58.5Z".parse().unwrap());
    let ReportKind::Delivered(delivered) = report.kind else { panic!("{:?}", report.kind) };
    assert_eq!(delivered.transaction.network.as_str(), "tron");
    assert_eq!(delivered.transaction.tx_hash.as_str(), "0xab");
    assert_eq!(delivered.recipient_amount, Some("99.5".parse().unwrap()));
    assert_eq!(delivered.fees_paid_usd, Some(Usd("1.2".parse().unwrap())));
}

#[test]
fn optional_parts_and_equivalent_forms_are_accepted() {
    let plain = event().to_string();
    for content_type in [
        Some("application/cloudevents+json"),
        Some("Application/CloudEvents+JSON; charset=UTF-8"),
        Some("application/cloudevents+json;charset=\"utf-8\""),
        Some("application/json"),
        Some(""),
        None,
    ] {
        for routing_key in [PAYOUT, "", "some.other.key"] {
            read_with(plain.as_bytes(), content_type, routing_key, &[]).unwrap();
        }
    }
    for accepted in [
        set("time", Value::Null),
        without("time"),
        set("extension", json!({"a": 1})),
        set("dataschema", json!("https://example.com/schemas/chain-delivered/v1")),
        set("dataschema", json!("https://example.com/schemas/delivered.json")),
        set("datacontenttype", json!("application/json; charset=utf-8")),
        data("unknown_field", json!([1, 2])),
        data("recipient_amount", Value::Null),
        set("id", json!("é".repeat(255))),
        of_type("chain.broadcast", json!({"network": "a", "tx_hash": "b", "estimated_seconds": 2_592_000})),
        of_type("chain.progress", json!({"network": "a", "confirmations": 4_294_967_295_u32})),
        of_type("chain.failed", json!({"code": "x", "message": ""})),
    ] {
        read_structured(accepted.as_bytes()).unwrap_or_else(|error| panic!("{error} for {accepted}"));
    }
    let (_, untimed) = read_structured(without("time").as_bytes()).unwrap();
    assert_eq!(untimed.time, received_at());
}

#[test]
fn a_binary_event_is_accepted_with_every_header_prefix() {
    let data = event()["data"].to_string();
    let structured = read_structured(event().to_string().as_bytes()).unwrap();
    for prefix in ["ce-", "CE-", "cloudEvents_", "cloudEvents:", "cloudevents_"] {
        let names = ["specversion", "id", "source", "type", "subject", "time"];
        let all: Vec<(String, String)> = names
            .iter()
            .map(|name| (format!("{prefix}{name}"), event()[name].as_str().unwrap().to_owned()))
            .collect();
        for content_type in [Some("application/json"), None] {
            assert_eq!(
                read_with(data.as_bytes(), content_type, PAYOUT, &all).unwrap(),
                structured,
                "{prefix}"
            );
        }
        for missing in ["id", "source", "type"] {
            let some: Vec<_> = all.iter().filter(|(name, _)| !name.ends_with(missing)).cloned().collect();
            let refused = read_with(data.as_bytes(), None, PAYOUT, &some).unwrap_err();
            assert_eq!(refused.reason, NotACloudEvent, "{refused}");
        }
    }
}
