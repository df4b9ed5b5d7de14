//! The payout in test events. It has the shape of a real payout and moves no money.

use std::sync::Arc;

use payoutd_domain::{
    Amount, Mode, Network, NewPayout, OrgId, Payout, PayoutId, Route, Snapshot, Terms, Timestamp,
    TrackingToken, Usd,
};
use uuid::Uuid;

/// The type of test events. It cannot be subscribed to: test events are sent on request only.
pub(super) const TEST_EVENT_TYPE: &str = "payout.test";

const ESTIMATED_SECONDS: u32 = 60;

/// The snapshot of a payout created at `now`.
pub(super) fn test_snapshot(now: Timestamp) -> Option<Snapshot> {
    let amount = |text: &str| text.parse::<Amount>().ok();
    let terms = Terms {
        org: OrgId(Uuid::nil()),
        mode: Mode::Test,
        quote_id: "quo_test".parse().ok()?,
        external_ref: "webhook-test".into(),
        destination: "0x0000000000000000000000000000000000000000".into(),
        asset: "USDT".into(),
        user_sends: amount("10.5")?,
        recipient_gets: amount("10")?,
        fee_total: Usd(amount("0.5")?),
        route: Route {
            from_network: Network::new("ethereum"),
            to_network: Network::new("ethereum"),
            estimated_seconds: ESTIMATED_SECONDS,
            seconds_after_broadcast: ESTIMATED_SECONDS,
        },
    };
    let created = NewPayout {
        id: PayoutId(Uuid::nil()),
        tracking_token: TrackingToken(Uuid::nil()),
        created_at: now,
        terms: Arc::new(terms),
    };
    Some(Payout::new(Arc::new(created)).snapshot())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Renderer;

    #[test]
    fn a_test_event_has_the_fields_of_a_payout_event() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let body = Renderer::new("https://pay.example").webhook(
            TEST_EVENT_TYPE,
            None,
            &test_snapshot(now).unwrap(),
            now,
        );
        let body: serde_json::Value = serde_json::from_str(&body.unwrap()).unwrap();
        assert_eq!(body["type"], "payout.test");
        assert_eq!(body["timestamp"], "2026-01-01T00:00:00.000000Z");
        assert_eq!(body["data"]["status"], "pending");
        assert_eq!(body["data"]["previous_status"], serde_json::Value::Null);
        assert_eq!(body["data"]["timeline"][0]["sequence"], 1);
    }
}
