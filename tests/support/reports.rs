//! Reports of chain watchers.

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::Message;

/// The header of a dead letter that contains the reason.
pub(crate) const DEAD_LETTER_REASON: &str = "payoutd-reason";

/// A report as a CloudEvent, before it becomes an AMQP message.
#[derive(Debug, Clone)]
pub(crate) struct Report(Value);

impl Report {
    /// A report of the type `chain.<kind>` about a payout, with the current time and a new id.
    pub(crate) fn new(kind: &str, payout: &str, data: Value) -> Self {
        Self(json!({
            "specversion": "1.0",
            "id": uuid::Uuid::now_v7().to_string(),
            "source": "watcher/test",
            "type": format!("chain.{kind}"),
            "subject": payout,
            "time": rfc3339(OffsetDateTime::now_utc()),
            "datacontenttype": "application/json",
            "data": data,
        }))
    }

    /// The transaction was broadcast.
    pub(crate) fn broadcast(payout: &str, tx_hash: &str, estimated_seconds: u32) -> Self {
        let data = json!({ "network": "tron", "tx_hash": tx_hash, "estimated_seconds": estimated_seconds });
        Self::new("broadcast", payout, data)
    }

    /// A new estimate of the remaining time.
    pub(crate) fn progress(payout: &str, estimated_seconds: u32) -> Self {
        Self::new("progress", payout, json!({ "network": "tron", "estimated_seconds": estimated_seconds }))
    }

    /// The funds were delivered.
    pub(crate) fn delivered(payout: &str, tx_hash: &str) -> Self {
        Self::new("delivered", payout, json!({ "network": "tron", "tx_hash": tx_hash }))
    }

    /// The payout failed, and the funds were not sent.
    pub(crate) fn failed(payout: &str, code: &str) -> Self {
        Self::new(
            "failed",
            payout,
            json!({ "code": code, "message": "It did not work.", "funds": "not_sent" }),
        )
    }

    /// The delivery was reversed.
    pub(crate) fn reversal(payout: &str) -> Self {
        let data =
            json!({ "code": "reorg", "message": "The block is gone.", "funds": "unknown", "reversal": true });
        Self::new("failed", payout, data)
    }

    /// The same report with a time `seconds` ago.
    pub(crate) fn observed_ago(mut self, seconds: i64) -> Self {
        self.0["time"] = rfc3339(OffsetDateTime::now_utc() - Duration::seconds(seconds)).into();
        self
    }

    /// The same report with another value of an attribute.
    pub(crate) fn with(mut self, attribute: &str, value: impl Into<Value>) -> Self {
        self.0[attribute] = value.into();
        self
    }

    /// The same report with another value of a field of its data.
    pub(crate) fn with_data(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.0["data"][field] = value.into();
        self
    }

    /// The time of the report.
    pub(crate) fn time(&self) -> OffsetDateTime {
        parse_time(&self.0["time"])
    }

    /// The message in structured mode: the body is the whole CloudEvent.
    pub(crate) fn structured(&self) -> Message {
        Message::new(self.subject(), &self.0.to_string()).content_type("application/cloudevents+json")
    }

    /// The message in binary mode: the body is the data, and the attributes are headers with the prefix `prefix`.
    pub(crate) fn binary(&self, prefix: &str) -> Message {
        let message =
            Message::new(self.subject(), &self.0["data"].to_string()).content_type("application/json");
        ["specversion", "id", "source", "type", "subject", "time"]
            .into_iter()
            .fold(message, |message, name| message.header(&format!("{prefix}{name}"), self.0[name].clone()))
    }

    fn subject(&self) -> &str {
        self.0["subject"].as_str().expect("a payout id")
    }
}

/// Parses a time of a JSON body.
#[track_caller]
pub(crate) fn parse_time(value: &Value) -> OffsetDateTime {
    let text = value.as_str().unwrap_or_else(|| panic!("{value} is not a string"));
    OffsetDateTime::parse(text, &Rfc3339).expect("an RFC 3339 time")
}

fn rfc3339(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).expect("the time can be formatted")
}
