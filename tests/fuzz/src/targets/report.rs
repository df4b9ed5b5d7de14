//! Reports of chain watchers, structured and binary.

use payoutd::reports::{CONTENT_TYPE, DEFAULT_MAX_BYTES, DeadLetterReason, Incoming, read, report_message};
use payoutd_actors::testing::sample;
use payoutd_domain::Report;

use crate::{Target, Verdict};

pub(super) const TARGET: Target = Target {
    name: "report",
    run,
    words: &[
        "content-type: application/cloudevents+json",
        "content-type: application/json; charset=utf-8",
        "ce-id: 1",
        "\n",
        "cloudEvents_source: w",
        "ce-specversion: 1.0",
        "routing-key: ",
        "\"specversion\":\"1.0\"",
        "\"data\":{",
        "\"id\":",
        "\"type\":\"chain.failed\"",
        "\"chain.progress\"",
        "\"time\":\"2026-03-01T12:00:00Z\"",
        "\"tx_hash\":\"0xAB\"",
        "\"reversal\":true",
        "\"funds\":\"returned\"",
        "\"confirmations\":4294967295",
        "null",
        "\\u0000",
        "\\ud800",
        "1e3",
        "\"replaced_by\":\"a\"",
        "\"network\":\"tron\"",
        "\"recipient_amount\":\"1.5\"",
        "\"leg\":\"bridge\"",
        "{",
        "}",
        ",",
    ],
    inputs: 12_000,
};

/// Headers, one on each line, up to an empty one; then the body.
fn run(input: &[u8]) -> Verdict {
    let end = input.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = end.map_or((&input[..0], input), |end| (&input[..end], &input[end + 2..]));
    let head = String::from_utf8_lossy(head);
    let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
    let headers: Vec<(String, String)> = head.lines().filter_map(header).collect();
    let named = |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
    let incoming = Incoming {
        routing_key: named("routing-key").unwrap_or("chain"),
        content_type: named("content-type"),
        headers: &headers,
        body,
        received_at: sample::at(0),
    };
    let (payout, report) = match read(&incoming, DEFAULT_MAX_BYTES) {
        Ok(read) => read,
        Err(unreadable) => {
            assert!(DeadLetterReason::ALL.contains(&unreadable.reason));
            let field = unreadable.detail.split_once(": ").map(|(field, _)| field);
            let no_json = [DeadLetterReason::NotJson, DeadLetterReason::DuplicateKey];
            let named = field.is_some_and(|field| !field.is_empty()) || no_json.contains(&unreadable.reason);
            assert!(named && !unreadable.detail.is_empty(), "names what is at fault: {unreadable}");
            return Verdict::Refused;
        }
    };
    for part in [&report.key.source, &report.key.id] {
        assert!((1..=255).contains(&part.chars().count()) && !part.contains(char::is_control), "{part:?}");
    }
    // As it is parked, and as `payoutd report` sends it.
    let message = report_message(payout, &report);
    let routing_key = payout.to_string();
    let again = Incoming {
        routing_key: &routing_key,
        content_type: Some(CONTENT_TYPE),
        headers: &[],
        body: message.as_bytes(),
        received_at: sample::at(1_000),
    };
    assert_eq!(read(&again, usize::MAX), Ok((payout, report.clone())), "{message}");
    // As the journal keeps it.
    let kept = serde_json::to_string(&report).unwrap_or_default();
    assert_eq!(serde_json::from_str::<Report>(&kept).ok(), Some(report), "{kept}");
    // Another payout's routing key is not this one's.
    let other = Incoming { routing_key: "pay_00000000000000000000000000000bad", ..again };
    assert!(read(&other, usize::MAX).is_err());
    Verdict::Accepted
}
