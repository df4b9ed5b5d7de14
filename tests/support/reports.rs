//! What chain watchers say.

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::Message;

/// A watcher's report, before it is put on the wire.
#[derive(Debug, Clone)]
pub(crate) struct Report(Value);

impl Report {
    /// A report about a payout, seen now. Every one has an id of its own.
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

    /// A transaction is out.
    pub(crate) fn broadcast(payout: &str, tx_hash: &str, estimated_seconds: u32) -> Self {
        let data = json!({ "network": "tron", "tx_hash": tx_hash, "estimated_seconds": estimated_seconds });
        Self::new("broadcast", payout, data)
    }

    /// It is on its way.
    pub(crate) fn progress(payout: &str, estimated_seconds: u32) -> Self {
        Self::new("progress", payout, json!({ "network": "tron", "estimated_seconds": estimated_seconds }))
    }

    /// It arrived.
    pub(crate) fn delivered(payout: &str, tx_hash: &str) -> Self {
        Self::new("delivered", payout, json!({ "network": "tron", "tx_hash": tx_hash }))
    }

    /// It will not arrive.
    pub(crate) fn failed(payout: &str, code: &str) -> Self {
        Self::new(
            "failed",
            payout,
            json!({ "code": code, "message": "It did not work.", "funds": "not_sent" }),
        )
    }

    /// It was delivered, and that was taken back.
    pub(crate) fn reversal(payout: &str) -> Self {
        let data =
            json!({ "code": "reorg", "message": "The block is gone.", "funds": "unknown", "reversal": true });
        Self::new("failed", payout, data)
    }

    /// The same, seen `seconds` ago.
    pub(crate) fn seen_ago(mut self, seconds: i64) -> Self {
        self.0["time"] = rfc3339(OffsetDateTime::now_utc() - Duration::seconds(seconds)).into();
        self
    }

    /// The same, with another value for an attribute.
    pub(crate) fn with(mut self, attribute: &str, value: impl Into<Value>) -> Self {
        self.0[attribute] = value.into();
        self
    }

    /// The same, with another value for a field of its data.
    pub(crate) fn with_data(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.0["data"][field] = value.into();
        self
    }

    /// When it was seen.
    pub(crate) fn time(&self) -> OffsetDateTime {
        parse_time(&self.0["time"])
    }

    /// On the wire in structured mode: all of it is the body.
    pub(crate) fn structured(&self) -> Message {
        Message::new(self.subject(), &self.0.to_string()).content_type("application/cloudevents+json")
    }

    /// On the wire in binary mode: the data is the body, the attributes are headers that begin with `prefix`.
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

/// A time out of a JSON body.
#[track_caller]
pub(crate) fn parse_time(value: &Value) -> OffsetDateTime {
    let text = value.as_str().unwrap_or_else(|| panic!("{value} is no time"));
    OffsetDateTime::parse(text, &Rfc3339).expect("an RFC 3339 time")
}

fn rfc3339(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).expect("a time that can be written")
}
