//! Messages that are refused, with the reason and the named field.

use super::*;

fn assert_refused(body: &str, reason: DeadLetterReason, field: &str) {
    let refused = read_structured(body.as_bytes()).expect_err(body);
    assert_eq!(refused.reason, reason, "{refused} for {body}");
    assert!(refused.detail.contains(field), "{refused} should name {field} for {body}");
}

#[test]
fn contradictory_or_broken_binary_events_are_refused() {
    let base = [
        ("ce-specversion", "1.0"),
        ("ce-id", "1"),
        ("ce-source", "s"),
        ("ce-type", "chain.failed"),
        ("ce-subject", PAYOUT),
    ];
    let good = r#"{"code":"c","message":"m"}"#;
    let refused = |body: &str, more: &[(&str, &str)]| {
        read_with(body.as_bytes(), None, PAYOUT, &headers(&[&base[..], more].concat())).unwrap_err().reason
    };
    assert!(read_with(good.as_bytes(), None, PAYOUT, &headers(&base)).is_ok());
    assert_eq!(refused(good, &[("cloudEvents_id", "2")]), NotACloudEvent);
    assert_eq!(refused(good, &[("ce-time", "yesterday")]), NotACloudEvent);
    assert_eq!(refused("[1]", &[]), InvalidData);
    assert_eq!(refused("<xml/>", &[]), NotJson);
}

#[test]
fn a_body_that_is_not_json_is_refused() {
    for body in [
        "",
        " ",
        "{",
        "null x",
        "{\"a\":1}}",
        "{'a':1}",
        "\u{feff}{}",
        "NaN",
        "{\"a\":01}",
        "{\"a\":\"\\ud800\"}",
    ] {
        assert_refused(body, NotJson, "");
    }
    assert_eq!(read_structured(b"{\"id\":\"\xff\"}").unwrap_err().reason, NotJson);
    let bomb = "[".repeat(60_000);
    assert_refused(&bomb, NotJson, "recursion");
    assert_refused(&format!("{{\"data\":{}", "{\"a\":".repeat(10_000)), NotJson, "recursion");
}

#[test]
fn a_duplicate_key_is_refused_at_any_depth() {
    let twice = event().to_string().replacen('{', "{\"id\":\"other\",", 1);
    assert_refused(&twice, DuplicateKey, "\"id\"");
    let deep = event().to_string().replace("\"network\":", "\"network\":\"x\",\"network\":");
    assert_refused(&deep, DuplicateKey, "\"network\"");
    let escaped = event().to_string().replacen('{', "{\"i\\u0064\":\"other\",", 1);
    assert_refused(&escaped, DuplicateKey, "\"id\"");
}

#[test]
fn an_event_that_is_not_a_cloud_event_is_refused() {
    let table = [
        ("[]".to_owned(), "body"),
        ("\"text\"".to_owned(), "body"),
        ("{}".to_owned(), "specversion"),
        (without("specversion"), "specversion"),
        (set("specversion", json!(1.0)), "specversion"),
        (without("id"), "id"),
        (set("id", json!("")), "id"),
        (set("id", json!(7)), "id"),
        (set("id", json!("x".repeat(256))), "id"),
        (set("id", json!("a\u{0}b")), "id"),
        (without("source"), "source"),
        (set("source", Value::Null), "source"),
        (set("source", json!("x".repeat(256))), "source"),
        (set("source", json!(["s"])), "source"),
        (without("type"), "type"),
        (set("time", json!("yesterday")), "time"),
        (set("time", json!("1969-12-31T23:59:59Z")), "time"),
        (set("time", json!(1_700_000_000)), "time"),
        (set("datacontenttype", json!("application/xml")), "datacontenttype"),
    ];
    for (body, field) in table {
        let refused = read_structured(body.as_bytes()).unwrap_err();
        assert_eq!(refused.reason, NotACloudEvent, "{refused} for {body}");
        assert!(refused.detail.starts_with(field), "{refused} for {body}");
    }
    for content_type in ["text/plain", "application/cloudevents-batch+json", "application/cloudevents+avro"] {
        let refused = read_with(event().to_string().as_bytes(), Some(content_type), PAYOUT, &[]).unwrap_err();
        assert_eq!(refused.reason, NotACloudEvent, "{content_type}");
    }
    let latin = Some("application/cloudevents+json; charset=iso-8859-1");
    assert_eq!(read_with(event().to_string().as_bytes(), latin, PAYOUT, &[]).unwrap_err().reason, NotJson);
}

#[test]
fn unsupported_versions_and_unknown_types_have_different_reasons() {
    for (body, field) in [
        (set("specversion", json!("0.3")), "specversion"),
        (set("specversion", json!("2.0")), "specversion"),
        (set("specversion", json!("1.0.2")), "specversion"),
        (set("type", json!("chain.broadcast.v2")), "type"),
        (set("type", json!("chain.delivered.v10.1")), "type"),
        (set("dataschema", json!("https://example.com/chain/v2/delivered")), "dataschema"),
        (set("dataschema", json!("urn:chain.delivered.v3")), "dataschema"),
    ] {
        assert_refused(&body, UnsupportedVersion, field);
    }
    for kind in [
        "",
        "delivered",
        "chain.Delivered",
        "chain.delivered ",
        "chain.delivered.x",
        "chain.other.v2",
        "payout.delivered",
    ] {
        assert_refused(&set("type", json!(kind)), UnknownType, "type");
    }
}

#[test]
fn the_subject_must_be_a_payout_id_and_match_a_routing_key_that_is_one() {
    for subject in
        [json!(""), json!("pay_1"), json!(PAYOUT.to_uppercase()), json!(format!(" {PAYOUT}")), Value::Null]
    {
        assert_refused(&set("subject", subject), NoPayout, "subject");
    }
    assert_refused(&without("subject"), NoPayout, "subject");
    assert_refused(&set("subject", json!(OTHER)), PayoutMismatch, "subject");
    assert_eq!(
        read_with(set("subject", json!(OTHER)).as_bytes(), None, "chain.tron", &[]).unwrap().0.to_string(),
        OTHER,
        "a routing key that is no payout id is ignored"
    );
}

#[test]
fn invalid_data_is_refused_and_the_field_is_named() {
    let broadcast = |more: Value| {
        let mut data = json!({"network": "tron", "tx_hash": "ab"});
        data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        of_type("chain.broadcast", data)
    };
    let failed = |name: &str, value: Value| {
        let mut data = json!({"code": "c", "message": "m"});
        data[name] = value;
        of_type("chain.failed", data)
    };
    let table = [
        (without("data"), "data"),
        (set("data", Value::Null), "data"),
        (set("data", json!("{}")), "data"),
        (set("data", json!([])), "data"),
        (set("data_base64", json!("e30=")), "data_base64"),
        (set("data", json!({})), "data.network"),
        (data("network", Value::Null), "data.network"),
        (data("network", json!("")), "data.network"),
        (data("network", json!("tron main")), "data.network"),
        (data("network", json!("трон")), "data.network"),
        (data("network", json!("n".repeat(33))), "data.network"),
        (data("network", json!(1)), "data.network"),
        (data("tx_hash", json!("")), "data.tx_hash"),
        (data("tx_hash", json!("a b")), "data.tx_hash"),
        (data("tx_hash", json!("é")), "data.tx_hash"),
        (data("tx_hash", json!("a".repeat(129))), "data.tx_hash"),
        (data("tx_hash", Value::Null), "data.tx_hash"),
        (data("recipient_amount", json!(99.5)), "data.recipient_amount"),
        (data("recipient_amount", json!(99)), "data.recipient_amount"),
        (data("recipient_amount", json!("-1")), "data.recipient_amount"),
        (data("recipient_amount", json!("1e3")), "data.recipient_amount"),
        (data("recipient_amount", json!("１")), "data.recipient_amount"),
        (data("fees_paid_usd", json!("1,5")), "data.fees_paid_usd"),
        (data("fees_paid_usd", json!("")), "data.fees_paid_usd"),
        (data("confirmations", json!("3")), "data.confirmations"),
        (data("confirmations", json!(-1)), "data.confirmations"),
        (data("confirmations", json!(1.5)), "data.confirmations"),
        (data("confirmations", json!(3.0)), "data.confirmations"),
        (data("confirmations", json!(4_294_967_296_u64)), "data.confirmations"),
        (broadcast(json!({"leg": "middle"})), "data.leg"),
        (broadcast(json!({"leg": "Source"})), "data.leg"),
        (broadcast(json!({"leg": 1})), "data.leg"),
        (broadcast(json!({"estimated_seconds": 2_592_001})), "data.estimated_seconds"),
        (broadcast(json!({"estimated_seconds": "20"})), "data.estimated_seconds"),
        (of_type("chain.broadcast", json!({"network": "tron"})), "data.tx_hash"),
        (of_type("chain.progress", json!({"tx_hash": "ab"})), "data.network"),
        (of_type("chain.progress", json!({"network": "a", "replaced_by": "x y"})), "data.replaced_by"),
        (
            of_type("chain.progress", json!({"network": "a", "required_confirmations": true})),
            "data.required_confirmations",
        ),
        (of_type("chain.failed", json!({"message": "m"})), "data.code"),
        (of_type("chain.failed", json!({"code": "c"})), "data.message"),
        (failed("code", json!("")), "data.code"),
        (failed("code", json!("c".repeat(65))), "data.code"),
        (failed("code", json!("a\u{0}")), "data.code"),
        (failed("message", json!("m".repeat(1_001))), "data.message"),
        (failed("message", json!("a\u{0}b")), "data.message"),
        (failed("funds", json!("lost")), "data.funds"),
        (failed("reversal", json!("true")), "data.reversal"),
        (failed("reversal", json!(1)), "data.reversal"),
    ];
    for (body, field) in table {
        assert_refused(&body, InvalidData, &format!("{field}:"));
    }
}

#[test]
fn a_body_that_is_too_large_is_refused_before_it_is_parsed() {
    let body = "x".repeat(DEFAULT_MAX_BYTES + 1);
    assert_refused(&body, TooLarge, "65536");
    let padded = format!("{}{}", event(), " ".repeat(DEFAULT_MAX_BYTES));
    assert_refused(&padded[..=DEFAULT_MAX_BYTES], TooLarge, "65536");
    read_structured(&padded.as_bytes()[..DEFAULT_MAX_BYTES]).unwrap();
}

#[test]
fn the_detail_contains_no_value_of_the_message() {
    for body in [
        data("tx_hash", json!("secret secret")),
        set("id", json!("secret".repeat(99))),
        set("type", json!("secret")),
    ] {
        assert!(!read_structured(body.as_bytes()).unwrap_err().detail.contains("secret"));
    }
}
