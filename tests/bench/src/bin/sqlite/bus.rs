//! An in-memory message bus, with a watcher that reports on each event.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use payoutd::app::SystemClock;
use payoutd::outbox::{OutboxMessage, PublishError, Publisher};
use payoutd::reports::{CONTENT_TYPE, Disposition, Incoming, ReportIntake};
use payoutd_bench::reports::{ReportKind, ReportRenderer};
use payoutd_bench::{Result, check_count};
use payoutd_domain::{Mode, Network, NewPayout, OrgId, PayoutId, QuoteId, Route, Terms, TrackingToken, Usd};
use tokio::sync::Semaphore;
use uuid::Uuid;

/// Publishes events, and passes the report on each one to the report intake.
pub(super) struct InMemoryBus {
    intake: Arc<ReportIntake>,
    start_permits: Arc<Semaphore>,
    published: [AtomicU64; 3],
    failures: Arc<AtomicU64>,
}

impl InMemoryBus {
    pub(super) fn new(intake: ReportIntake, start_permits: Arc<Semaphore>) -> Self {
        let (published, failures) = Default::default();
        Self { intake: Arc::new(intake), start_permits, published, failures }
    }

    pub(super) fn record_failure(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// Checks that each event was published once and that nothing failed.
    pub(super) fn check_totals(&self, lifecycles: usize) -> Result<()> {
        check_count("failures", i64::try_from(self.failures.load(Ordering::Relaxed))?, 0)?;
        for published in &self.published {
            check_count("events", i64::try_from(published.load(Ordering::Relaxed))?, lifecycles)?;
        }
        Ok(())
    }

    fn publish_report(&self, id: PayoutId, kind: ReportKind) {
        let (intake, failures) = (Arc::clone(&self.intake), Arc::clone(&self.failures));
        tokio::spawn(async move {
            let body = ReportRenderer::new().render(id.0, kind);
            let incoming = Incoming {
                routing_key: &id.to_string(),
                content_type: Some(CONTENT_TYPE),
                headers: &[],
                body: body.as_bytes(),
                received_at: intake.now(),
            };
            match intake.process(&incoming).await {
                Disposition::Acknowledge(_) => {}
                Disposition::DeadLetter { .. } | Disposition::TryLater(_) => {
                    failures.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
}

#[async_trait]
impl Publisher for InMemoryBus {
    async fn publish(&self, messages: &[OutboxMessage]) -> Vec<Result<(), PublishError>> {
        for message in messages {
            let sequence = message.sequence.0;
            if let Some(published) = usize::try_from(sequence - 1).ok().and_then(|at| self.published.get(at))
            {
                published.fetch_add(1, Ordering::Relaxed);
            }
            match sequence {
                1 => self.publish_report(message.payout_id, ReportKind::Broadcast),
                2 => self.publish_report(message.payout_id, ReportKind::Delivered),
                _ => self.start_permits.add_permits(1),
            }
        }
        messages.iter().map(|_| Ok(())).collect()
    }
}

/// A payout on the terms that the HTTP measures quote.
pub(super) fn new_payout(id: PayoutId) -> Result<NewPayout> {
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
