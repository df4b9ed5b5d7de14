//! The body of a webhook, in the format of Standard Webhooks: `type`, `timestamp` and `data`.

use payoutd_domain::{Snapshot, Status, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use super::payout::PayoutBody;
use super::renderer::Renderer;
use crate::contracts;

/// The event in a request to a webhook endpoint.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WebhookEvent")]
pub(crate) struct WebhookBody<'a> {
    /// The event type.
    #[schemars(example = &"payout.delivered")]
    r#type: &'a str,
    /// The time at which the change was recorded. The same for every delivery attempt.
    #[schemars(with = "contracts::Time")]
    timestamp: Timestamp,
    data: WebhookData<'a>,
}

/// The payout after this change, exactly as a GET returns it, and the status before the change.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WebhookData")]
struct WebhookData<'a> {
    #[serde(flatten)]
    payout: PayoutBody<'a>,
    /// The status before this change: equal to `status` if the status did not change; null in test events.
    #[schemars(with = "Option<contracts::Status>")]
    previous_status: Option<Status>,
}

impl Renderer {
    /// Renders the body of a webhook. The same change always has the same body.
    ///
    /// # Errors
    /// Returns the error of `serde_json`. No value of a payout is known to cause one.
    pub fn webhook(
        &self,
        kind: &str,
        previous_status: Option<Status>,
        snapshot: &Snapshot,
        recorded_at: Timestamp,
    ) -> serde_json::Result<String> {
        let data = WebhookData { payout: self.payout(snapshot), previous_status };
        serde_json::to_string(&WebhookBody { r#type: kind, timestamp: recorded_at, data })
    }
}
