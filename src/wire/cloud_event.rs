//! Changes of payouts as `CloudEvents` 1.0 in structured JSON.

use payoutd_domain::{Change, ChangeKind, Status, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use super::payout::PayoutBody;
use super::renderer::Renderer;
use crate::contracts;

/// A rendered event with its routing key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedMessage {
    /// `<type>.<from_network>`.
    pub routing_key: String,
    /// The `CloudEvents` JSON.
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
    /// The event type.
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
    /// The transfer to make. Only in `payout.created`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Instruction<'a>")]
    instruction: Option<Instruction<'a>>,
}

/// The transfer for a signing service. Make it once for each payout, even if this event arrives more than once.
#[derive(Serialize, JsonSchema)]
struct Instruction<'a> {
    /// The asset's symbol.
    #[schemars(example = &"USDT")]
    asset: &'a str,
    /// The amount that the recipient must get, in units of the asset.
    #[schemars(with = "contracts::Amount")]
    amount: payoutd_domain::Amount,
    /// The recipient's address.
    #[schemars(length(min = 1, max = 128))]
    destination: &'a str,
    /// The network to send the funds from.
    #[schemars(with = "contracts::Network")]
    from_network: &'a str,
    /// The network on which the recipient gets the funds.
    #[schemars(with = "contracts::Network")]
    to_network: &'a str,
}

impl Renderer {
    /// Renders the event of a change. The same change always has the same event id.
    ///
    /// # Errors
    /// Returns the error of `serde_json`. No value of a payout is known to cause one.
    pub fn cloud_event(&self, change: &Change) -> serde_json::Result<EncodedMessage> {
        let snapshot = &*change.snapshot;
        let payout = &*snapshot.payout;
        let terms = &*payout.terms;
        let instruction = (change.kind == ChangeKind::Created).then(|| Instruction {
            asset: &terms.asset,
            amount: terms.recipient_gets,
            destination: &terms.destination,
            from_network: terms.route.from_network.as_str(),
            to_network: terms.route.to_network.as_str(),
        });
        let event = CloudEvent {
            specversion: "1.0",
            id: format!("{}.{}", payout.id, snapshot.sequence),
            source: "payoutd",
            kind: change.kind,
            subject: payout.id.to_string(),
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
