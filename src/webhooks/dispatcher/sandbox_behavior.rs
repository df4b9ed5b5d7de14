//! The sandbox scenarios that concern webhooks: duplicated and reordered messages, which receivers must tolerate.

use payoutd_domain::{Mode, Timestamp};

use crate::webhooks::DueDelivery;
use crate::webhooks::event::WebhookEvent;

/// How many of an endpoint's newest deliveries are searched for the one to send early.
pub(super) const SEARCHED_DELIVERIES: u32 = 200;
/// How long a delivery is deferred until the payout ends. Then the changes are sent in order.
const MAX_WAIT_SECONDS: u32 = 10;
const DEFER_STEP_MICROS: i64 = 100_000;

/// How an attempt differs from an ordinary one.
pub(super) enum SandboxBehavior<'a> {
    None,
    /// The message is sent twice.
    Duplicate,
    /// The delivery is deferred until the payout ends, so that its last changes can be sent in the wrong order.
    DeferUntil(Timestamp),
    /// The message is sent after this event, the last one of the payout.
    SendAfter(&'a WebhookEvent),
}

/// The behavior that the payout's `external_ref` selects. Only first attempts in test mode have one.
pub(super) fn sandbox_behavior<'a>(
    due: &DueDelivery,
    events: &'a [WebhookEvent],
    now: Timestamp,
) -> SandboxBehavior<'a> {
    let (delivery, endpoint) = (&due.delivery, &due.endpoint);
    let Some(newest) = events.last() else { return SandboxBehavior::None };
    let terms = &newest.change.snapshot.payout.terms;
    if terms.mode != Mode::Test || delivery.attempts > 0 {
        return SandboxBehavior::None;
    }
    match &*terms.external_ref {
        "sandbox_webhook_duplicate" => SandboxBehavior::Duplicate,
        "sandbox_webhook_reorder" => {
            let subscribed: Vec<&WebhookEvent> =
                events.iter().filter(|event| endpoint.types.contains(&event.kind)).collect();
            let ended = newest.change.snapshot.status().is_end();
            match subscribed.as_slice() {
                [.., before, last] if ended && before.sequence() == delivery.sequence => {
                    SandboxBehavior::SendAfter(last)
                }
                _ if !ended && now < delivery.created_at.plus_seconds(MAX_WAIT_SECONDS) => {
                    SandboxBehavior::DeferUntil(
                        Timestamp::from_micros(now.micros() + DEFER_STEP_MICROS).unwrap_or(now),
                    )
                }
                _ => SandboxBehavior::None,
            }
        }
        _ => SandboxBehavior::None,
    }
}
