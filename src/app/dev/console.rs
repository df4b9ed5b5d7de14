//! The output of `payoutd dev`.

use std::io::Write;

use async_trait::async_trait;
use serde_json::Value;

use crate::outbox::{OutboxMessage, PublishError, Publisher};

/// Prints every change before it passes it on.
pub(super) struct ConsolePublisher<P> {
    pub(super) inner: P,
}

#[async_trait]
impl<P: Publisher> Publisher for ConsolePublisher<P> {
    async fn publish(&self, messages: &[OutboxMessage]) -> Vec<Result<(), PublishError>> {
        for message in messages {
            print_change(message);
        }
        self.inner.publish(messages).await
    }
}

fn print_change(message: &OutboxMessage) {
    let body: Value = serde_json::from_str(&message.body).unwrap_or_default();
    let data = &body["data"];
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let time_of_day = |value: &Value| value.as_str().and_then(|t| t.get(11..19)).unwrap_or("-").to_owned();
    let (from, to) = (text(&data["previous_status"]), text(&data["status"]));
    let step = if data["previous_status"].is_null() {
        to
    } else if from == to {
        format!("{to} ({})", message.kind.as_str().trim_start_matches("payout."))
    } else {
        format!("{from} → {to}")
    };
    let (at, due) = (time_of_day(&body["time"]), time_of_day(&data["estimated_delivery_at"]));
    print_line(&format!(
        "{at}  {}  {:<4}  seq {}  {step:<24}  due {due}",
        message.payout_id,
        message.mode.as_str(),
        message.sequence,
    ));
}

/// Prints a line on standard output. Ignores a closed terminal.
pub(super) fn print_line(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}
