//! Plans reports for created payouts, and makes them when their time has come. The plan is kept in the database, so
//! a restart forgets nothing, and every report has a fixed id, so making one twice is making it once.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use payoutd_actors::handle::PayoutsHandle;
use payoutd_actors::ports::{Clock, Unavailable};
use payoutd_actors::reply::ReportError;
use payoutd_domain::{Amount, ChangeKind, Mode, Network, PayoutId, Report, ReportKey, Timestamp};
use serde::Deserialize;
use tokio::sync::Notify;

use super::{Pace, PlanStore, PlannedReport, Subject, plan};
use crate::outbox::{OutboxMessage, PublishError, Publisher};
use crate::runtime::shutdown::Shutdown;

/// Reads `payout.created` and plans what the simulator will report.
pub struct Planner {
    /// Where plans are kept.
    pub plans: Arc<dyn PlanStore>,
    /// Rung when something was planned.
    pub planned: Arc<Notify>,
    /// How fast the simulated chains are.
    pub pace: Pace,
}

/// The part of the message that a watcher reads.
#[derive(Deserialize)]
struct CreatedMessage {
    data: CreatedData,
}

#[derive(Deserialize)]
struct CreatedData {
    id: PayoutId,
    external_ref: String,
    created_at: Timestamp,
    quote: QuoteData,
}

#[derive(Deserialize)]
struct QuoteData {
    recipient_gets: Amount,
    route: RouteData,
}

#[derive(Deserialize)]
struct RouteData {
    from_network: Network,
    to_network: Network,
    estimated_seconds: u32,
}

impl Planner {
    fn planned_reports(&self, body: &str) -> serde_json::Result<Vec<PlannedReport>> {
        let CreatedData { id, external_ref, created_at, quote } =
            serde_json::from_str::<CreatedMessage>(body)?.data;
        let subject = Subject {
            id,
            external_ref,
            from_network: quote.route.from_network,
            to_network: quote.route.to_network,
            estimated_seconds: quote.route.estimated_seconds,
            recipient_gets: quote.recipient_gets,
        };
        (0u32..)
            .zip(plan(&subject, self.pace))
            .map(|(number, step)| {
                let due_at = created_at.plus_seconds(step.after_seconds);
                let key =
                    ReportKey { source: "payoutd/simulator".into(), id: format!("{id}.{number}").into() };
                let body = serde_json::to_string(&Report { key, time: due_at, kind: step.kind })?;
                Ok(PlannedReport { payout_id: id, step: number, due_at, body })
            })
            .collect()
    }

    async fn take(&self, message: &OutboxMessage) -> Result<(), PublishError> {
        if message.kind != ChangeKind::Created {
            return Ok(());
        }
        let reports = self
            .planned_reports(&message.body)
            .map_err(|error| PublishError::Unavailable(error.to_string()))?;
        self.plans.plan(&reports).await.map_err(|error| PublishError::Unavailable(error.to_string()))?;
        self.planned.notify_one();
        Ok(())
    }
}

#[async_trait]
impl Publisher for Planner {
    async fn publish(&self, messages: &[OutboxMessage]) -> Vec<Result<(), PublishError>> {
        let mut results = Vec::with_capacity(messages.len());
        for message in messages {
            results.push(self.take(message).await);
        }
        results
    }
}

/// Takes a simulated report in.
#[async_trait]
pub trait ReportSink: Send + Sync + 'static {
    /// Hands a report in, and waits until its outcome is recorded.
    ///
    /// # Errors
    /// Where it has none yet: the report will be made again.
    async fn hand_in(&self, id: PayoutId, report: Report) -> Result<(), Unavailable>;
}

/// Hands reports on sandbox payouts to their actors.
pub struct SandboxSink(pub PayoutsHandle);

#[async_trait]
impl ReportSink for SandboxSink {
    async fn hand_in(&self, id: PayoutId, report: Report) -> Result<(), Unavailable> {
        match self.0.report(id, Mode::Test, report, None).await {
            Ok(_) => Ok(()),
            Err(ReportError::Unavailable(error)) => Err(error),
            Err(error @ ReportError::Quarantined) => Err(Unavailable(error.to_string())),
            Err(error @ (ReportError::NotFound | ReportError::WrongMode(_))) => {
                tracing::error!(payout = %id, %error, "a simulated report has no payout to go to");
                Ok(())
            }
        }
    }
}

/// Makes planned reports.
pub struct Simulator {
    /// Where plans are kept.
    pub plans: Arc<dyn PlanStore>,
    /// Rung when something was planned.
    pub planned: Arc<Notify>,
    /// Where reports go.
    pub sink: Arc<dyn ReportSink>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How often to look for reports whose time has come.
    pub poll: Duration,
}

/// The most reports made between two looks.
const BATCH: u32 = 200;

impl Simulator {
    /// Makes reports until `stop`.
    pub async fn run(self, mut stop: Shutdown) {
        while !stop.is_requested() {
            match self.round().await {
                Ok(made) if made > 0 => {}
                Ok(_) => self.rest(&mut stop, self.poll).await,
                Err(error) => {
                    tracing::warn!(%error, "the simulator could not report; trying again");
                    self.rest(&mut stop, Duration::from_secs(1)).await;
                }
            }
        }
    }

    async fn rest(&self, stop: &mut Shutdown, pause: Duration) {
        tokio::select! {
            () = stop.requested() => {}
            () = self.planned.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }

    async fn round(&self) -> Result<usize, Unavailable> {
        let due = self.plans.due_reports(self.clock.now(), BATCH).await?;
        let made = due.len();
        for planned in due {
            let PlannedReport { payout_id, step, body, .. } = planned;
            match serde_json::from_str(&body) {
                Ok(report) => self.sink.hand_in(payout_id, report).await?,
                Err(error) => {
                    tracing::error!(payout = %payout_id, step, %error, "a planned report cannot be read")
                }
            }
            self.plans.done(payout_id, step).await?;
        }
        Ok(made)
    }
}
