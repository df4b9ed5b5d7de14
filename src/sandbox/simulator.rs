//! Plans reports for created payouts and makes them when they are due. Plans are stored in the database, so they
//! survive a restart. Every report has a fixed id, so a report that is made twice has no second effect.

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

/// Stores a plan for each `payout.created`.
pub struct Planner {
    /// The store of plans.
    pub plans: Arc<dyn PlanStore>,
    /// Notified after a plan is stored.
    pub planned: Arc<Notify>,
    /// The speed of the simulated chains.
    pub pace: Pace,
}

/// The part of the message that the plan depends on.
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

    async fn plan_message(&self, message: &OutboxMessage) -> Result<(), PublishError> {
        if message.kind != ChangeKind::Created {
            return Ok(());
        }
        let reports = self
            .planned_reports(&message.body)
            .map_err(|error| PublishError::Unavailable(error.to_string()))?;
        self.plans
            .insert_plan(&reports)
            .await
            .map_err(|error| PublishError::Unavailable(error.to_string()))?;
        self.planned.notify_one();
        Ok(())
    }
}

#[async_trait]
impl Publisher for Planner {
    async fn publish(&self, messages: &[OutboxMessage]) -> Vec<Result<(), PublishError>> {
        let mut results = Vec::with_capacity(messages.len());
        for message in messages {
            results.push(self.plan_message(message).await);
        }
        results
    }
}

/// Receives simulated reports.
#[async_trait]
pub trait ReportSink: Send + Sync + 'static {
    /// Submits a report and waits until its outcome is committed.
    ///
    /// # Errors
    /// Returns `Unavailable` if no outcome is committed. The simulator then submits the report again.
    async fn submit(&self, id: PayoutId, report: Report) -> Result<(), Unavailable>;
}

/// Submits reports to the actors of sandbox payouts.
pub struct SandboxSink(pub PayoutsHandle);

#[async_trait]
impl ReportSink for SandboxSink {
    async fn submit(&self, id: PayoutId, report: Report) -> Result<(), Unavailable> {
        match self.0.report(id, Mode::Test, report, None).await {
            Ok(_) => Ok(()),
            Err(ReportError::Unavailable(error)) => Err(error),
            Err(error @ ReportError::Quarantined) => Err(Unavailable(error.to_string())),
            Err(error @ (ReportError::NotFound | ReportError::WrongMode(_))) => {
                tracing::error!(payout = %id, %error, "there is no sandbox payout for a simulated report");
                Ok(())
            }
        }
    }
}

/// Makes planned reports when they are due.
pub struct Simulator {
    /// The store of plans.
    pub plans: Arc<dyn PlanStore>,
    /// Notified after a plan is stored.
    pub planned: Arc<Notify>,
    /// The destination of the reports.
    pub sink: Arc<dyn ReportSink>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The longest pause between two queries for due reports.
    pub poll: Duration,
}

/// The most reports in one round.
const BATCH: u32 = 200;

impl Simulator {
    /// Makes reports until `shutdown` is requested.
    pub async fn run(self, mut shutdown: Shutdown) {
        while !shutdown.is_requested() {
            match self.round().await {
                Ok(made) if made > 0 => {}
                Ok(_) => self.pause(&mut shutdown, self.poll).await,
                Err(error) => {
                    tracing::warn!(%error, "cannot submit simulated reports; retrying");
                    self.pause(&mut shutdown, Duration::from_secs(1)).await;
                }
            }
        }
    }

    async fn pause(&self, shutdown: &mut Shutdown, duration: Duration) {
        tokio::select! {
            () = shutdown.requested() => {}
            () = self.planned.notified() => {}
            () = tokio::time::sleep(duration) => {}
        }
    }

    async fn round(&self) -> Result<usize, Unavailable> {
        let due = self.plans.due_reports(self.clock.now(), BATCH).await?;
        let made = due.len();
        for planned in due {
            let PlannedReport { payout_id, step, body, .. } = planned;
            match serde_json::from_str(&body) {
                Ok(report) => self.sink.submit(payout_id, report).await?,
                Err(error) => {
                    tracing::error!(payout = %payout_id, step, %error, "a planned report is invalid")
                }
            }
            self.plans.mark_reported(payout_id, step).await?;
        }
        Ok(made)
    }
}
