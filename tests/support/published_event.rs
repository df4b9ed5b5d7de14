//! An event that payoutd published to the broker.

use serde_json::Value;

#[derive(Debug, Clone)]
pub(crate) struct PublishedEvent {
    pub(crate) routing_key: String,
    /// The CloudEvent.
    pub(crate) event: Value,
}

impl PublishedEvent {
    /// Reads a message of the exchange `payouts`, and checks the properties that all messages have.
    #[track_caller]
    pub(crate) fn read(message: &Value) -> Self {
        let body = message["body"].as_str().expect("text");
        let event: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error} in {message}"));
        assert_eq!(message["content_type"], "application/cloudevents+json", "{message}");
        assert_eq!(message["delivery_mode"], 2, "not persistent: {message}");
        assert_eq!(event["specversion"], "1.0", "{message}");
        assert_eq!(event["subject"], event["data"]["id"], "{message}");
        assert!(event["id"].is_string() && event["source"].is_string(), "{message}");
        Self { routing_key: message["routing_key"].as_str().expect("text").to_owned(), event }
    }

    /// The type of the event.
    pub(crate) fn kind(&self) -> &str {
        self.event["type"].as_str().expect("text")
    }

    /// The id of the payout.
    pub(crate) fn subject(&self) -> &str {
        self.event["subject"].as_str().expect("text")
    }

    /// The sequence of the payout at this event.
    pub(crate) fn sequence(&self) -> i64 {
        self.event["data"]["sequence"].as_i64().expect("a number")
    }
}
