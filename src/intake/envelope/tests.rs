use payoutd_actors::payout::{
    Amount, BroadcastReport, DeliveredReport, FailedFunds, FailedReport, Leg, Network, PayoutId,
    ProgressReport, Report, ReportKey, ReportKind, Timestamp, Transaction, TxHash, Usd,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::dead_letter::DeadLetterReason::{self, *};
use super::super::message::{CONTENT_TYPE, report_message};
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

/// Another type of report, with these data.
fn of_type(kind: &str, data: Value) -> String {
    with(|event| {
        event["type"] = kind.into();
        event["data"] = data;
    })
}

/// A delivery with one field of its data changed.
fn data(name: &str, value: Value) -> String {
    with(|event| event["data"][name] = value)
}

fn assert_refused(body: &str, reason: DeadLetterReason, field: &str) {
    let refused = read_structured(body.as_bytes()).expect_err(body);
    assert_eq!(refused.reason, reason, "{refused} for {body}");
    assert!(refused.detail.contains(field), "{refused} should name {field} for {body}");
}

#[test]
fn a_structured_event_is_read() {
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
fn what_may_vary_may_vary() {
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
fn a_binary_event_is_read_whatever_its_headers_begin_with() {
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
fn what_is_not_json_is_refused() {
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
fn a_key_given_twice_is_refused_at_any_depth() {
    let twice = event().to_string().replacen('{', "{\"id\":\"other\",", 1);
    assert_refused(&twice, DuplicateKey, "\"id\"");
    let deep = event().to_string().replace("\"network\":", "\"network\":\"x\",\"network\":");
    assert_refused(&deep, DuplicateKey, "\"network\"");
    let escaped = event().to_string().replacen('{', "{\"i\\u0064\":\"other\",", 1);
    assert_refused(&escaped, DuplicateKey, "\"id\"");
}

#[test]
fn what_is_no_cloud_event_is_refused() {
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
fn other_versions_and_types_are_told_apart() {
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
fn the_subject_says_which_payout_and_the_routing_key_agrees() {
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
        "a routing key that is no payout id does not matter"
    );
}

#[test]
fn wrong_data_is_refused_and_the_field_is_named() {
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
fn what_is_too_large_is_refused_before_it_is_looked_at() {
    let body = "x".repeat(DEFAULT_MAX_BYTES + 1);
    assert_refused(&body, TooLarge, "65536");
    let padded = format!("{}{}", event(), " ".repeat(DEFAULT_MAX_BYTES));
    assert_refused(&padded[..=DEFAULT_MAX_BYTES], TooLarge, "65536");
    read_structured(&padded.as_bytes()[..DEFAULT_MAX_BYTES]).unwrap();
}

#[test]
fn a_detail_never_repeats_what_the_message_said() {
    for body in [
        data("tx_hash", json!("secret secret")),
        set("id", json!("secret".repeat(99))),
        set("type", json!("secret")),
    ] {
        assert!(!read_structured(body.as_bytes()).unwrap_err().detail.contains("secret"));
    }
}

fn any_network() -> impl Strategy<Value = Network> {
    "[A-Za-z0-9_-]{1,32}".prop_map(|name| Network::new(&name))
}

fn any_hash() -> impl Strategy<Value = TxHash> {
    prop_oneof!["0x[0-9a-fA-F]{1,64}", "[!-~]{1,128}"].prop_map(|text| TxHash::new(&text))
}

fn any_transaction() -> impl Strategy<Value = Transaction> {
    (any_network(), any_hash()).prop_map(|(network, tx_hash)| Transaction { network, tx_hash })
}

fn any_amount() -> impl Strategy<Value = Amount> {
    (0..10u128.pow(18), 0u8..=18).prop_map(|(units, scale)| Amount::from_units(units, scale).unwrap())
}

fn any_kind() -> impl Strategy<Value = ReportKind> {
    use proptest::option::of;
    let seconds = 0..=2_592_000u32;
    let leg = prop_oneof![Just(Leg::Source), Just(Leg::Bridge), Just(Leg::Destination)];
    let funds =
        prop_oneof![Just(FailedFunds::NotSent), Just(FailedFunds::Returned), Just(FailedFunds::Unknown)];
    let broadcast = (any_transaction(), of(leg), of(seconds.clone())).prop_map(
        |(transaction, leg, estimated_seconds)| {
            ReportKind::Broadcast(BroadcastReport { transaction, leg, estimated_seconds })
        },
    );
    let progress =
        (any_network(), of(any_hash()), of(any::<u32>()), of(any::<u32>()), of(seconds), of(any_hash()))
            .prop_map(
                |(
                    network,
                    tx_hash,
                    confirmations,
                    required_confirmations,
                    estimated_seconds,
                    replaced_by,
                )| {
                    ReportKind::Progress(ProgressReport {
                        network,
                        tx_hash,
                        confirmations,
                        required_confirmations,
                        estimated_seconds,
                        replaced_by,
                    })
                },
            );
    let delivered = (any_transaction(), of(any_amount()), of(any_amount()), of(any::<u32>())).prop_map(
        |(transaction, recipient_amount, fees, confirmations)| {
            let fees_paid_usd = fees.map(Usd);
            ReportKind::Delivered(DeliveredReport {
                transaction,
                recipient_amount,
                fees_paid_usd,
                confirmations,
            })
        },
    );
    let words = ("[^\\p{Cc}]{1,64}", "[^\\p{Cc}]{0,200}");
    let failed = (words, of(any_network()), of(any_hash()), of(funds), any::<bool>()).prop_map(
        |((code, message), network, tx_hash, funds, reversal)| {
            let (code, message) = (code.into(), message.into());
            ReportKind::Failed(FailedReport { code, message, network, tx_hash, funds, reversal })
        },
    );
    prop_oneof![broadcast, progress, delivered, failed]
}

fn any_report() -> impl Strategy<Value = (PayoutId, Report)> {
    let key = ("[^\\p{Cc}]{1,255}", "[^\\p{Cc}]{1,255}")
        .prop_map(|(source, id)| ReportKey { source: source.into(), id: id.into() });
    let time = (0..253_402_300_799_999_999_i64).prop_map(|micros| Timestamp::from_micros(micros).unwrap());
    let payout = any::<u128>().prop_map(|bits| PayoutId(Uuid::from_u128(bits)));
    (payout, key, time, any_kind()).prop_map(|(payout, key, time, kind)| (payout, Report { key, time, kind }))
}

proptest! {
    #[test]
    fn what_we_write_we_read((payout, report) in any_report()) {
        let body = report_message(payout, &report);
        let read = read_with(body.as_bytes(), Some(CONTENT_TYPE), &payout.to_string(), &[]);
        prop_assert_eq!(read, Ok((payout, report)));
    }

    #[test]
    fn any_bytes_have_an_answer(body in proptest::collection::vec(any::<u8>(), 0..300), content_type in any::<Option<String>>(), routing_key in ".{0,40}") {
        let _ = read_with(&body, content_type.as_deref(), &routing_key, &[]);
    }

    #[test]
    fn any_mutation_has_an_answer((payout, report) in any_report(), changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..3), 1..8)) {
        let mut body = report_message(payout, &report).into_bytes();
        for (place, byte, what) in changes {
            if body.is_empty() {
                break;
            }
            let place = place.index(body.len());
            match what {
                0 => body[place] = byte,
                1 => body.insert(place, byte),
                _ => drop(body.remove(place)),
            }
        }
        if let Ok((read, report)) = read_with(&body, Some(CONTENT_TYPE), "", &[]) {
            // Whatever is accepted is a report like any other: it can be written and read again.
            let again = report_message(read, &report);
            prop_assert_eq!(read_with(again.as_bytes(), Some(CONTENT_TYPE), "", &[]), Ok((read, report)));
        }
    }

    #[test]
    fn any_headers_have_an_answer(pairs in proptest::collection::vec(("(ce-|cloudEvents_)?(id|source|type|specversion|subject|time|x)", ".{0,20}"), 0..8), body in ".{0,40}") {
        let _ = read_with(body.as_bytes(), None, PAYOUT, &pairs);
    }
}
