//! The worker that retries parked reports whose payout exists, and dead-letters those that have expired.
//!
//! A report is unparked as the last step. After a crash it is retried or dead-lettered again, which is safe.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use payoutd_actors::failpoint;
use payoutd_actors::handle::PayoutsHandle;
use payoutd_actors::ports::Unavailable;
use payoutd_actors::reply::ReportError;
use payoutd_domain::{Mode, PayoutId};

use super::dead_letter::{DeadLetter, DeadLetterReason, DeadLetters, Unreadable};
use super::envelope;
use super::incoming::Incoming;
use super::message::CONTENT_TYPE;
use super::{ParkedReport, ParkedReportStore};
use crate::runtime::shutdown::Shutdown;

/// The most payouts whose reports are retried concurrently.
const MAX_CONCURRENT_PAYOUTS: usize = 32;
/// The longest pause between failing rounds.
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// The pace of a worker.
#[derive(Debug, Clone, Copy)]
pub struct ParkedReportWorkerConfig {
    /// The pause between rounds.
    pub every: Duration,
    /// The most claimable reports, and the most expired reports, in one round.
    pub batch: u32,
}

impl Default for ParkedReportWorkerConfig {
    fn default() -> Self {
        Self { every: Duration::from_secs(1), batch: 1_000 }
    }
}

/// Retries and expires parked reports. Several workers may share a store: a payout recognises a repeated report.
pub struct ParkedReportWorker {
    payouts: PayoutsHandle,
    parked_reports: Arc<dyn ParkedReportStore>,
    dead_letters: Arc<dyn DeadLetters>,
    config: ParkedReportWorkerConfig,
}

/// The outcome of retrying a parked report.
enum RetryOutcome {
    /// The payout has recorded the report.
    Recorded,
    /// The report can never be recorded: it must be dead-lettered.
    Rejected(Unreadable),
    /// The payout does not exist or is quarantined: the report stays parked, and is dead-lettered for this reason
    /// once it has expired.
    NotYet(DeadLetterReason),
    /// The store cannot be reached: the report stays parked, even if it has expired.
    Unavailable,
}

impl ParkedReportWorker {
    /// Creates a worker for the reports in `parked_reports`.
    #[must_use]
    pub fn new(
        payouts: PayoutsHandle,
        parked_reports: Arc<dyn ParkedReportStore>,
        dead_letters: Arc<dyn DeadLetters>,
        config: ParkedReportWorkerConfig,
    ) -> Self {
        Self { payouts, parked_reports, dead_letters, config }
    }

    /// Runs one round after another until `shutdown` is requested; a started round is finished. While rounds fail, the
    /// pause between them doubles, up to 30 seconds.
    pub async fn run(self, mut shutdown: Shutdown) {
        let mut pause = self.config.every;
        loop {
            tokio::select! {
                () = shutdown.requested() => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = match self.round().await {
                Ok(()) => self.config.every,
                Err(Unavailable(why)) => {
                    tracing::warn!(why, "cannot process parked reports now; retrying");
                    (pause * 2).min(MAX_PAUSE)
                }
            };
        }
    }

    /// Retries a batch of reports whose payout exists, then a batch of expired reports.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store or the dead-letter queue cannot be reached. The next round starts over.
    #[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
    pub async fn round(&self) -> Result<(), Unavailable> {
        let parked = self.parked_reports.parked().await?;
        metrics::gauge!("payoutd_intake_parked").set(parked as f64);
        if parked == 0 {
            return Ok(());
        }
        let claimable = by_payout(self.parked_reports.claimable(self.config.batch).await?);
        let mut retries = stream::iter(claimable)
            .map(|reports| self.retry_payout(reports))
            .buffer_unordered(MAX_CONCURRENT_PAYOUTS);
        while let Some(result) = retries.next().await {
            result?;
        }
        // One at a time, so that while reports cannot be unparked, at most one is dead-lettered again in each round.
        for report in self.parked_reports.expired(self.payouts.now(), self.config.batch).await? {
            match self.retry(&report).await {
                RetryOutcome::Recorded => self.unpark(&report).await?,
                RetryOutcome::Rejected(rejection) => self.reject(&report, rejection).await?,
                RetryOutcome::NotYet(reason) => {
                    self.reject(&report, Unreadable::new(reason, expiry_detail(&report))).await?;
                }
                RetryOutcome::Unavailable => {}
            }
        }
        Ok(())
    }

    /// Retries the reports of one payout in order, up to the first that stays parked.
    async fn retry_payout(&self, reports: Vec<ParkedReport>) -> Result<(), Unavailable> {
        for report in reports {
            match self.retry(&report).await {
                RetryOutcome::Recorded => self.unpark(&report).await?,
                RetryOutcome::Rejected(rejection) => self.reject(&report, rejection).await?,
                RetryOutcome::NotYet(_) | RetryOutcome::Unavailable => return Ok(()),
            }
        }
        Ok(())
    }

    /// Dead-letters a report, then unparks it.
    async fn reject(&self, report: &ParkedReport, rejection: Unreadable) -> Result<(), Unavailable> {
        let Unreadable { reason, detail } = rejection;
        self.dead_letters.send(&dead_letter(report, reason, detail)).await?;
        failpoint::pass("parked-report-put-aside");
        metrics::counter!("payoutd_intake_dead_lettered_total", "reason" => reason.as_str()).increment(1);
        tracing::warn!(payout = %report.payout_id, reason = reason.as_str(), "dead-lettered a parked report");
        self.unpark(report).await
    }

    async fn unpark(&self, report: &ParkedReport) -> Result<(), Unavailable> {
        let result = self.parked_reports.unpark(report.payout_id, &report.key).await;
        failpoint::pass("report-unparked");
        result
    }

    async fn retry(&self, parked: &ParkedReport) -> RetryOutcome {
        let routing_key = parked.payout_id.to_string();
        let incoming = Incoming {
            routing_key: &routing_key,
            content_type: Some(CONTENT_TYPE),
            headers: &[],
            body: parked.body.as_bytes(),
            received_at: parked.parked_at,
        };
        // The intake has checked the size of the original message. The parked body may be slightly longer.
        let (payout, report) = match envelope::read(&incoming, usize::MAX) {
            Ok(read) => read,
            Err(unreadable) => return RetryOutcome::Rejected(unreadable),
        };
        let traceparent = parked.traceparent.as_deref().map(Arc::from);
        match self.payouts.report(payout, Mode::Live, report, traceparent).await {
            Ok(receipt) => {
                tracing::info!(%payout, outcome = receipt.outcome.name(), "a parked report was recorded");
                RetryOutcome::Recorded
            }
            Err(ReportError::WrongMode(_)) => RetryOutcome::Rejected(Unreadable::new(
                DeadLetterReason::SandboxPayout,
                "subject: is a sandbox payout, which is on no chain",
            )),
            Err(ReportError::NotFound) => RetryOutcome::NotYet(DeadLetterReason::UnknownPayout),
            Err(ReportError::Quarantined) => RetryOutcome::NotYet(DeadLetterReason::Quarantined),
            Err(ReportError::Unavailable(Unavailable(why))) => {
                tracing::warn!(%payout, why, "cannot record a parked report; retrying");
                RetryOutcome::Unavailable
            }
        }
    }
}

/// Groups reports by payout. Each group keeps the order.
fn by_payout(reports: Vec<ParkedReport>) -> Vec<Vec<ParkedReport>> {
    let mut positions = HashMap::new();
    let mut groups: Vec<Vec<ParkedReport>> = Vec::new();
    for report in reports {
        let position = *positions.entry(report.payout_id).or_insert(groups.len());
        if position == groups.len() {
            groups.push(Vec::new());
        }
        groups[position].push(report);
    }
    groups
}

fn expiry_detail(report: &ParkedReport) -> String {
    format!("subject: no payout recorded this report between {} and {}", report.parked_at, report.expires_at)
}

fn dead_letter(report: &ParkedReport, reason: DeadLetterReason, detail: String) -> DeadLetter {
    let ParkedReport { payout_id, key, body, traceparent, .. } = report;
    DeadLetter {
        reason,
        detail,
        exchange: String::new(),
        routing_key: PayoutId::to_string(payout_id),
        message_id: Some(key.id.to_string()),
        content_type: Some(CONTENT_TYPE.to_owned()),
        headers: traceparent.iter().map(|value| ("traceparent".to_owned(), value.clone())).collect(),
        body: body.clone().into_bytes(),
    }
}
