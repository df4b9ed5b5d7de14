//! The body of a webhook: Standard Webhooks' `type`, `timestamp` and `data`.

use payoutd_domain::{Snapshot, Status, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use super::{PayoutBody, Renderer};
use crate::contracts;

/// An event, as it is posted to a webhook endpoint.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WebhookEvent")]
pub(crate) struct WebhookBody<'a> {
    /// What happened.
    #[schemars(example = &"payout.delivered")]
    r#type: &'a str,
    /// When it was recorded. The same for every attempt to deliver it.
    #[schemars(with = "contracts::Time")]
    timestamp: Timestamp,
    data: WebhookData<'a>,
}

/// The payout exactly as a GET shows it after this change, and the status before it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WebhookData")]
struct WebhookData<'a> {
    #[serde(flatten)]
    payout: PayoutBody<'a>,
    /// The status before this change: the same as `status` where only something else changed, null in test events.
    #[schemars(with = "Option<contracts::Status>")]
    previous_status: Option<Status>,
}

impl Renderer {
    /// The body that tells of a change. The same however often it is rendered.
    ///
    /// # Errors
    /// Never, as far as known: every part is plain data.
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
