//! Reports of chain watchers in structured and binary mode.

use payoutd::reports::{CONTENT_TYPE, DEFAULT_MAX_BYTES, DeadLetterReason, Incoming, read, report_message};
use payoutd_actors::testing::sample;
use payoutd_domain::Report;

use crate::{Target, Verdict};

pub(super) const TARGET: Target = Target {
    name: "report",
    run,
    dictionary: &[
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

/// The input is one header on each line, an empty line, and the body.
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
            let without_field = [DeadLetterReason::NotJson, DeadLetterReason::DuplicateKey];
            let named =
                field.is_some_and(|field| !field.is_empty()) || without_field.contains(&unreadable.reason);
            assert!(
                named && !unreadable.detail.is_empty(),
                "the detail names the invalid field: {unreadable}"
            );
            return Verdict::Refused;
        }
    };
    for part in [&report.key.source, &report.key.id] {
        assert!((1..=255).contains(&part.chars().count()) && !part.contains(char::is_control), "{part:?}");
    }
    // The format of parked reports, and of `payoutd report`.
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
    // The format of the journal.
    let stored = serde_json::to_string(&report).unwrap_or_default();
    assert_eq!(serde_json::from_str::<Report>(&stored).ok(), Some(report), "{stored}");
    // The routing key of another payout is refused.
    let other = Incoming { routing_key: "pay_00000000000000000000000000000bad", ..again };
    assert!(read(&other, usize::MAX).is_err());
    Verdict::Accepted
}
