//! The body of a webhook: Standard Webhooks' `type`, `timestamp` and `data`.

use payoutd_actors::payout::{Snapshot, Status, Timestamp};
use serde::Serialize;

use super::{PayoutBody, Renderer};

#[derive(Serialize)]
struct WebhookBody<'a> {
    r#type: &'a str,
    timestamp: Timestamp,
    data: WebhookData<'a>,
}

/// Exactly the payout object, and the status before.
#[derive(Serialize)]
struct WebhookData<'a> {
    #[serde(flatten)]
    payout: PayoutBody<'a>,
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
