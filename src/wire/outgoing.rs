//! Messages for services downstream: `CloudEvents` 1.0 in structured JSON.

use payoutd_domain::{Change, ChangeKind, Snapshot, Status, Timestamp, TrackingToken};
use schemars::JsonSchema;
use serde::Serialize;

use super::PayoutBody;
use crate::contracts;

/// Renders what leaves the process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Renderer {
    tracking_base: String,
}

/// A message ready for the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedMessage {
    /// `<type>.<from_network>`.
    pub routing_key: String,
    /// The whole `CloudEvents` JSON.
    pub body: String,
}

/// A change of a payout, as a `CloudEvents` 1.0 event.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PayoutEvent")]
pub(crate) struct CloudEvent<'a> {
    #[schemars(extend("const" = "1.0"))]
    specversion: &'static str,
    #[schemars(with = "contracts::EventId")]
    id: String,
    #[schemars(extend("const" = "payoutd"))]
    source: &'static str,
    /// What happened.
    #[serde(rename = "type")]
    #[schemars(with = "String", example = &"payout.created")]
    kind: ChangeKind,
    /// The payout.
    #[schemars(with = "contracts::PayoutId")]
    subject: String,
    /// When the change was recorded.
    #[schemars(with = "contracts::Time")]
    time: Timestamp,
    #[schemars(extend("const" = "application/json"))]
    datacontenttype: &'static str,
    data: Data<'a>,
}

/// The payout after this change, and the status before it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PayoutEventData")]
struct Data<'a> {
    #[serde(flatten)]
    payout: PayoutBody<'a>,
    /// The status before this change; null for `payout.created`.
    #[schemars(with = "Option<contracts::Status>")]
    previous_status: Option<Status>,
    /// What to send, in `payout.created` and nowhere else.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Instruction<'a>")]
    instruction: Option<Instruction<'a>>,
}

/// What a signing service needs to send the funds. Send them once for each payout, however often this comes.
#[derive(Serialize, JsonSchema)]
struct Instruction<'a> {
    /// The asset's symbol.
    #[schemars(example = &"USDT")]
    asset: &'a str,
    /// What the recipient must get, in the asset.
    #[schemars(with = "contracts::Amount")]
    amount: payoutd_domain::Amount,
    /// The recipient's address.
    #[schemars(length(min = 1, max = 128))]
    destination: &'a str,
    /// Where the funds leave.
    #[schemars(with = "contracts::Network")]
    from_network: &'a str,
    /// Where they arrive.
    #[schemars(with = "contracts::Network")]
    to_network: &'a str,
}

impl Renderer {
    /// A renderer for tracking pages under `public_url` (no trailing slash).
    #[must_use]
    pub fn new(public_url: &str) -> Self {
        Self { tracking_base: format!("{}/track/", public_url.trim_end_matches('/')) }
    }

    /// The URL of a payout's tracking page.
    #[must_use]
    pub fn tracking_url(&self, token: TrackingToken) -> String {
        format!("{}{token}", self.tracking_base)
    }

    /// The payout object, as a poll sees it.
    #[must_use]
    pub fn payout<'a>(&self, snapshot: &'a Snapshot) -> PayoutBody<'a> {
        PayoutBody::new(snapshot, self.tracking_url(snapshot.payout.tracking_token))
    }

    /// The message that announces a change. Its id is the same however often it is rendered or sent.
    ///
    /// # Errors
    /// Never, as far as known: every part is plain data.
    pub fn cloud_event(&self, change: &Change) -> serde_json::Result<EncodedMessage> {
        let snapshot = &*change.snapshot;
        let created = &*snapshot.payout;
        let terms = &*created.terms;
        let instruction = (change.kind == ChangeKind::Created).then(|| Instruction {
            asset: &terms.asset,
            amount: terms.recipient_gets,
            destination: &terms.destination,
            from_network: terms.route.from_network.as_str(),
            to_network: terms.route.to_network.as_str(),
        });
        let event = CloudEvent {
            specversion: "1.0",
            id: format!("{}.{}", created.id, snapshot.sequence),
            source: "payoutd",
            kind: change.kind,
            subject: created.id.to_string(),
            time: change.recorded_at,
            datacontenttype: "application/json",
            data: Data {
                payout: self.payout(snapshot),
                previous_status: change.previous_status,
                instruction,
            },
        };
        Ok(EncodedMessage {
            routing_key: format!("{}.{}", change.kind.as_str(), terms.route.from_network),
            body: serde_json::to_string(&event)?,
        })
    }
}
