//! The OpenAPI document agrees with the router and with real responses.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::Request;
use payoutd_actors::testing::sample;
use payoutd_domain::{FailedFunds, Mode, PayoutId, ReportKind};
use serde_json::{Value, json};

use super::test_app::{LIVE, TestApp, acme, get, post_json};
use crate::contracts::testing::{SchemaValidator, check_examples, check_references};
use crate::http::{BasePath, Code, openapi};
use crate::quotes::{Quote, QuoteResponse};

fn document() -> Value {
    openapi(None, &BasePath::default())
}

/// The method and path of every documented operation.
fn documented(document: &Value) -> BTreeSet<(String, String)> {
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        item.as_object().unwrap().keys().map(move |method| (method.to_uppercase(), path.clone()))
    });
    operations.collect()
}

/// The method and path of every route. The paths come from the debug output of the router, the methods from `Allow`.
async fn routed(app: &TestApp) -> BTreeSet<(String, String)> {
    let debug = format!("{:?}", app.router);
    let quoted = debug.split('"').skip(1).step_by(2);
    let paths: BTreeSet<&str> = quoted
        .filter(|text| text.starts_with('/') && text.len() > 1 && !text.contains("__private"))
        .collect();
    let mut routes = BTreeSet::new();
    for path in paths {
        let uri = path.replace("{id}", "some_id");
        let request = Request::builder().method("BREW").uri(uri).body(Body::empty()).unwrap();
        let response = app.send(request).await;
        response.assert_problem(405, "method_not_allowed");
        let methods = response.header("allow").split(',').filter(|method| *method != "HEAD");
        routes.extend(methods.map(|method| (method.to_owned(), path.to_owned())));
    }
    routes
}

#[tokio::test]
async fn every_route_is_documented_and_nothing_else() {
    let app = TestApp::new().await;
    let routed = routed(&app).await;
    assert!(
        routed.contains(&("GET".into(), "/payouts/{id}".into())),
        "the debug output of the router was parsed: {routed:?}"
    );
    assert_eq!(documented(&document()), routed);
}

#[test]
fn every_example_matches_its_schema_and_every_reference_resolves() {
    let document = document();
    let examples = check_examples(&document);
    assert!(examples > 100, "{examples}");
    check_references(&document);
}

#[test]
fn the_document_is_deterministic_and_names_its_servers() {
    let base: BasePath = "/v1".parse().unwrap();
    let one = openapi(Some("https://pay.example/"), &base);
    assert_eq!(one.to_string(), openapi(Some("https://pay.example/"), &base).to_string());
    assert_eq!(one["openapi"], "3.1.0");
    let urls: Vec<&Value> = one["servers"].as_array().unwrap().iter().map(|server| &server["url"]).collect();
    assert_eq!(urls, ["/v1", "https://pay.example/v1"]);
}

fn operations(document: &Value) -> impl Iterator<Item = &Value> {
    let paths = document["paths"].as_object().unwrap().values();
    paths.flat_map(|item| item.as_object().unwrap().values())
}

/// The problem codes that are documented for a response.
fn codes_of(document: &Value, response: &Value) -> Vec<String> {
    let response = match response["$ref"].as_str() {
        Some(reference) => document.pointer(&reference[1..]).unwrap(),
        None => response,
    };
    let codes = &response["content"]["application/problem+json"]["schema"]["properties"]["code"]["enum"];
    codes.as_array().into_iter().flatten().map(|code| code.as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_code_is_documented_with_its_status_and_an_example() {
    let document = document();
    let mut documented = BTreeSet::new();
    let shared = document["components"]["responses"]["MethodNotAllowed"].clone();
    let responses = operations(&document).flat_map(|operation| operation["responses"].as_object().unwrap());
    for (status, response) in responses.chain([(&"405".to_owned(), &shared)]) {
        for code in codes_of(&document, response) {
            let known = Code::ALL.into_iter().find(|known| known.as_str() == code).expect("the code exists");
            assert_eq!(known.status().as_str(), status, "{code}");
            documented.insert(code);
        }
    }
    // No response has this code at present. It stays defined, because codes are never removed.
    assert!(documented.insert(Code::ExternalRefUnknown.to_string()));
    let all: BTreeSet<String> = Code::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(documented, all);
    for code in Code::ALL {
        assert!(
            document["info"]["description"].as_str().unwrap().contains(&format!("| `{code}` |")),
            "{code}"
        );
    }
}

#[test]
fn every_operation_is_described_completely() {
    let document = document();
    let mut ids = BTreeSet::new();
    for operation in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id), "{id} is not unique");
        assert!(operation["summary"].is_string() && operation["tags"][0].is_string(), "{id}");
        for status in ["401", "429", "503"] {
            assert!(operation["responses"][status].is_object(), "{id} does not document {status}");
        }
    }
    let types: Vec<&String> = document["webhooks"].as_object().unwrap().keys().collect();
    let events = ["broadcast", "delivered", "failed", "late", "test", "updated"];
    assert_eq!(types, events.map(|event| format!("payout.{event}")).iter().collect::<Vec<_>>());
}

fn named(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

#[tokio::test]
async fn payouts_have_exactly_the_documented_fields() {
    let app = TestApp::new().await;
    let validator = SchemaValidator::strict(&document());
    let ways: [&[ReportKind]; 4] = [
        &[sample::broadcast("0xa", Some(9)), sample::progress(Some(30)), sample::delivered("0xa")],
        &[sample::delivered("0xa"), sample::failed(true, Some(FailedFunds::Returned))],
        &[sample::failed(false, Some(FailedFunds::NotSent))],
        &[sample::failed(false, None)],
    ];
    for (number, way) in (1..).zip(ways) {
        let quote_id = app.insert_quote(number, acme(), Mode::Live);
        let created = app.create(LIVE, &quote_id).await;
        validator.check("created", &named("CreatedPayout"), &real_quote_id(&created.body));
        let id: PayoutId = created.body["id"].as_str().unwrap().parse().unwrap();
        for (step, report) in (1..).zip(way) {
            let report = sample::report(&format!("r{step}"), step, report.clone());
            app.started.payouts.report(id, Mode::Live, report, None).await.unwrap();
            let read = app.send(get(&format!("/payouts/{id}"), LIVE)).await;
            validator.check("read", &named("Payout"), &real_quote_id(&read.body));
        }
    }
    let mut listed = app.send(get("/payouts", LIVE)).await.body;
    for payout in listed["data"].as_array_mut().unwrap() {
        *payout = real_quote_id(payout);
    }
    validator.check("list", &named("Payouts"), &listed);
}

/// Replaces the id of the fake quote with one that the schema accepts.
fn real_quote_id(body: &Value) -> Value {
    let mut body = body.clone();
    body["quote"]["quote_id"] = json!("quo_real");
    body
}

#[test]
fn quotes_have_exactly_the_documented_fields() {
    let validator = SchemaValidator::strict(&document());
    let payout = sample::payout(1);
    let quote = Quote { terms: payout.terms, created_at: sample::at(0), expires_at: sample::at(60) };
    let mut offer = serde_json::to_value(QuoteResponse::new(&quote, None)).unwrap();
    offer["quote_id"] = json!("quo_real");
    validator.check("offer", &named("Quote"), &offer);
}

#[tokio::test]
async fn webhooks_have_exactly_the_documented_fields() {
    let app = TestApp::new().await;
    let validator = SchemaValidator::strict(&document());
    let made = app.send(post_json("/webhooks", LIVE, r#"{"url":"https://example.com/"}"#)).await;
    validator.check("made", &named("WebhookEndpoint"), &made.body);
    validator.check("list", &named("WebhookEndpoints"), &app.send(get("/webhooks", LIVE)).await.body);
    let path = format!("/webhooks/{}", made.body["id"].as_str().unwrap());
    let listed = app.send(get(&format!("{path}/deliveries"), LIVE)).await;
    validator.check("deliveries", &named("WebhookDeliveries"), &listed.body);
    let tested = app.send(post_json(&format!("{path}/test"), LIVE, "{}")).await;
    validator.check("test", &named("WebhookTest"), &tested.body);
}

#[tokio::test]
async fn problems_have_exactly_the_documented_fields() {
    let app = TestApp::new().await;
    let validator = SchemaValidator::strict(&document());
    let quote_id = app.insert_quote(1, acme(), Mode::Live);
    app.create(LIVE, &quote_id).await;
    for response in [
        app.create(LIVE, &quote_id).await,
        app.send(get("/nowhere", LIVE)).await,
        app.send(post_json("/payouts", LIVE, "{}")).await,
        app.send(get("/payouts/pay_x", "sk_live_nobody")).await,
    ] {
        validator.check("problem", &named("Problem"), &response.body);
    }
}
