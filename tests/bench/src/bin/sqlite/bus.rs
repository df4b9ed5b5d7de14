//! The bus inside the process, and the watchers on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use payoutd::app::SystemClock;
use payoutd::intake::{CONTENT_TYPE, Desk, Disposition, Incoming};
use payoutd::relay::{OutboxMessage, PublishError, Publisher};
use payoutd_actors::payout::{
    Mode, Network, NewPayout, OrgId, PayoutId, QuoteId, Route, Terms, TrackingToken, Usd,
};
use payoutd_bench::reports::{Kind, Reports};
use payoutd_bench::{Fallible, same};
use tokio::sync::Semaphore;
use uuid::Uuid;

/// Takes announcements and has the watchers report on them, through the intake's desk.
pub(super) struct Bus {
    desk: Arc<Desk>,
    room: Arc<Semaphore>,
    announced: [AtomicU64; 3],
    failures: Arc<AtomicU64>,
}

impl Bus {
    pub(super) fn new(desk: Desk, room: Arc<Semaphore>) -> Self {
        let (announced, failures) = Default::default();
        Self { desk: Arc::new(desk), room, announced, failures }
    }

    /// Something was refused that should not have been.
    pub(super) fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether everything was announced, once, and nothing refused.
    pub(super) fn check(&self, lifecycles: usize) -> Fallible<()> {
        same("failures", i64::try_from(self.failures.load(Ordering::Relaxed))?, 0)?;
        for announced in &self.announced {
            same("announcements", i64::try_from(announced.load(Ordering::Relaxed))?, lifecycles)?;
        }
        Ok(())
    }

    fn report(&self, id: PayoutId, kind: Kind) {
        let (desk, failures) = (Arc::clone(&self.desk), Arc::clone(&self.failures));
        tokio::spawn(async move {
            let body = Reports::new().body(id.0, kind);
            let incoming = Incoming {
                routing_key: &id.to_string(),
                content_type: Some(CONTENT_TYPE),
                headers: &[],
                body: body.as_bytes(),
                received_at: desk.now(),
            };
            match desk.take(&incoming).await {
                Disposition::Acknowledge(_) => {}
                Disposition::DeadLetter { .. } | Disposition::TryLater(_) => {
                    failures.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
}

#[async_trait]
impl Publisher for Bus {
    async fn publish(&self, messages: &[OutboxMessage]) -> Vec<Result<(), PublishError>> {
        for message in messages {
            let sequence = message.sequence.0;
            if let Some(announced) = usize::try_from(sequence - 1).ok().and_then(|at| self.announced.get(at))
            {
                announced.fetch_add(1, Ordering::Relaxed);
            }
            match sequence {
                1 => self.report(message.payout_id, Kind::Broadcast),
                2 => self.report(message.payout_id, Kind::Delivered),
                _ => self.room.add_permits(1),
            }
        }
        messages.iter().map(|_| Ok(())).collect()
    }
}

/// A payout on terms like those that are quoted over HTTP.
pub(super) fn new_payout(id: PayoutId) -> Fallible<NewPayout> {
    let (nonce, tag) = (Uuid::new_v4().simple(), Uuid::new_v4().simple());
    let terms = Terms {
        org: OrgId(Uuid::from_u128(1)),
        mode: Mode::Live,
        quote_id: format!("quo_{nonce}{tag}").parse::<QuoteId>()?,
        external_ref: "order-1".into(),
        destination: "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t".into(),
        asset: "USDT".into(),
        user_sends: "26.50".parse()?,
        recipient_gets: "25.00".parse()?,
        fee_total: Usd("1.50".parse()?),
        route: Route {
            from_network: Network::new("tron"),
            to_network: Network::new("tron"),
            estimated_seconds: 60,
            seconds_after_broadcast: 45,
        },
    };
    let tracking_token = TrackingToken(Uuid::new_v4());
    Ok(NewPayout { id, tracking_token, created_at: SystemClock::read(), terms: Arc::new(terms) })
}
