//! Compares the document with the code that reads and writes the messages.

use std::sync::Arc;

use payoutd_actors::testing::sample;
use payoutd_domain::{
    Change, ChangeKind, FailedFunds, FailedReport, Mode, Network, Payout, Report, ReportKey, ReportKind,
    Timestamp,
};
use serde_json::{Value, json};

use super::asyncapi;
use super::messages::message_name;
use crate::contracts::testing::{SchemaValidator, check_examples, check_references};
use crate::reports::{CONTENT_TYPE, Incoming, report_message};
use crate::wire::Renderer;

const TYPES: [&str; 4] = ["chain.broadcast", "chain.progress", "chain.delivered", "chain.failed"];

fn message<'a>(document: &'a Value, kind: &str) -> &'a Value {
    &document["components"]["messages"][message_name(kind)]
}

fn example(document: &Value, kind: &str) -> Value {
    message(document, kind)["examples"][0]["payload"].clone()
}

fn read(event: &Value) -> Result<Report, String> {
    let body = event.to_string();
    let incoming = Incoming {
        routing_key: "pay_0192f0c1d2e3748596a7b8c9d0e1f203",
        content_type: Some(CONTENT_TYPE),
        headers: &[],
        body: body.as_bytes(),
        received_at: Timestamp::EPOCH,
    };
    crate::reports::read(&incoming, 65_536).map(|(_, report)| report).map_err(|error| error.to_string())
}

#[test]
fn every_example_matches_its_schema_and_every_reference_resolves() {
    let document = asyncapi();
    assert!(check_examples(&document) > 10);
    check_references(&document);
}

#[test]
fn every_example_of_a_report_is_accepted() {
    let document = asyncapi();
    for kind in TYPES {
        let report = read(&example(&document, kind)).unwrap();
        assert_eq!(format!("chain.{}", report.kind.name()), kind);
    }
}

/// Removes each field of each example, or replaces its value. The schema and the reader must agree on the result.
#[test]
fn the_schemas_and_the_reader_accept_the_same_reports() {
    let document = asyncapi();
    let validator = SchemaValidator::new(&document);
    let long = "x".repeat(300);
    let others = [
        json!(null),
        json!(""),
        json!("x"),
        json!(long),
        json!("a b"),
        json!("1.5"),
        json!("-1"),
        json!("UPPER_9"),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(2_592_000),
        json!(2_592_001),
        json!(4_294_967_296_u64),
        json!(true),
        json!([]),
        json!({}),
        json!("source"),
        json!("not_sent"),
        json!("2026-03-01T12:00:00Z"),
    ];
    let mut compared = 0;
    for kind in TYPES {
        let whole = example(&document, kind);
        let agree = |event: &Value, what: &str| {
            let described = validator.accepts(&message(&document, kind)["payload"], event);
            let read = read(event);
            assert_eq!(described, read.is_ok(), "{kind}, {what}: {read:?}: {event}");
        };
        let fields: Vec<String> = whole["data"].as_object().unwrap().keys().cloned().collect();
        for field in &fields {
            let mut without = whole.clone();
            without["data"].as_object_mut().unwrap().remove(field);
            agree(&without, field);
            for other in &others {
                // 1.0 is left out: it is an integer to a schema, and refused by the reader.
                let mut changed = whole.clone();
                changed["data"][field] = other.clone();
                // The reader treats null as absent.
                agree(&changed, field);
                compared += 1;
            }
        }
        for attribute in ["specversion", "id", "source", "type", "subject", "data"] {
            let mut without = whole.clone();
            without.as_object_mut().unwrap().remove(attribute);
            agree(&without, attribute);
        }
    }
    assert!(compared > 200);
}

#[test]
fn reports_that_payoutd_writes_match_their_schemas() {
    let document = asyncapi();
    let validator = SchemaValidator::new(&document);
    let failed = FailedReport {
        code: "x".into(),
        message: "".into(),
        network: Some(Network::new("tron")),
        tx_hash: None,
        funds: Some(FailedFunds::Returned),
        reversal: true,
    };
    let kinds = [
        sample::broadcast("0xa", Some(3)),
        sample::progress(None),
        sample::delivered("0xa"),
        ReportKind::Failed(failed),
    ];
    for kind in kinds {
        let key = ReportKey { source: "s".into(), id: "i".into() };
        let name = format!("chain.{}", kind.name());
        let text = report_message(sample::id(1), &Report { key, time: sample::at(0), kind });
        validator.check(&name, &message(&document, &name)["payload"], &serde_json::from_str(&text).unwrap());
    }
}

#[test]
fn changes_have_exactly_the_fields_of_their_schemas() {
    let validator = SchemaValidator::strict(&asyncapi());
    let renderer = Renderer::new("https://pay.example");
    let payout = sample::in_mode(sample::payout(1), Mode::Live);
    let snapshot = Arc::new(Payout::new(Arc::new(payout)).snapshot());
    for kind in [ChangeKind::Created, ChangeKind::Late] {
        let change = Change {
            kind,
            recorded_at: sample::at(0),
            previous_status: None,
            snapshot: Arc::clone(&snapshot),
        };
        let outgoing = renderer.cloud_event(&change).unwrap();
        let mut event: Value = serde_json::from_str(&outgoing.body).unwrap();
        event["data"]["quote"]["quote_id"] = json!("quo_real");
        validator.check(kind.as_str(), &json!({ "$ref": "#/components/schemas/PayoutEvent" }), &event);
    }
}
