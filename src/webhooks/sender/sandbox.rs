//! Two scenarios of the sandbox are about webhooks themselves: receivers must cope with what networks do.

use payoutd_domain::{Mode, Timestamp};

use crate::webhooks::Due;
use crate::webhooks::history::Told;

/// How many of an endpoint's newest deliveries are searched for the one to send early.
pub(super) const LOOK_BACK: u32 = 200;
/// How long is waited for a payout's end before its changes are told in order after all.
const WAIT_SECONDS: u32 = 10;
const STEP_MICROS: i64 = 100_000;

/// What a delivery does besides being sent.
pub(super) enum SandboxBehavior<'a> {
    /// Nothing.
    None,
    /// It is sent twice.
    Twice,
    /// It waits for the payout's end, to be told in the wrong order.
    WaitUntil(Timestamp),
    /// It is sent after this, the last one.
    After(&'a Told),
}

/// What the payout's `external_ref` asks for, on first attempts.
pub(super) fn quirk<'a>(due: &Due, told: &'a [Told], now: Timestamp) -> SandboxBehavior<'a> {
    let (delivery, endpoint) = (&due.delivery, &due.endpoint);
    let Some(newest) = told.last() else { return SandboxBehavior::None };
    let terms = &newest.change.snapshot.payout.terms;
    if terms.mode != Mode::Test || delivery.attempts > 0 {
        return SandboxBehavior::None;
    }
    match &*terms.external_ref {
        "sandbox_webhook_duplicate" => SandboxBehavior::Twice,
        "sandbox_webhook_reorder" => {
            let subscribed: Vec<&Told> =
                told.iter().filter(|told| endpoint.types.contains(&told.kind)).collect();
            let ended = newest.change.snapshot.status().is_end();
            match subscribed.as_slice() {
                [.., before, last] if ended && before.sequence() == delivery.sequence => {
                    SandboxBehavior::After(last)
                }
                _ if !ended && now < delivery.created_at.plus_seconds(WAIT_SECONDS) => {
                    SandboxBehavior::WaitUntil(
                        Timestamp::from_micros(now.micros() + STEP_MICROS).unwrap_or(now),
                    )
                }
                _ => SandboxBehavior::None,
            }
        }
        _ => SandboxBehavior::None,
    }
}
