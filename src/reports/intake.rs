//! Processes one message and returns its disposition.

use std::sync::Arc;
use std::time::Duration;

use payoutd_actors::failpoint;
use payoutd_actors::handle::PayoutsHandle;
use payoutd_actors::ports::Unavailable;
use payoutd_actors::reply::{Receipt, ReportError};
use payoutd_domain::{Mode, PayoutId, Report, Timestamp};

use super::dead_letter::DeadLetterReason;
use super::envelope;
use super::incoming::Incoming;
use super::message::report_message;
use super::trace::traceparent_in;
use super::{DEFAULT_MAX_BYTES, ParkedReport, ParkedReportStore};

/// The limits of report intake.
#[derive(Debug, Clone, Copy)]
pub struct ReportIntakeConfig {
    /// The largest body, in bytes.
    pub max_bytes: usize,
    /// How long a report stays parked, in whole seconds.
    pub park_for: Duration,
}

impl Default for ReportIntakeConfig {
    fn default() -> Self {
        Self { max_bytes: DEFAULT_MAX_BYTES, park_for: Duration::from_secs(60 * 60) }
    }
}

/// How a message must be settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disposition {
    /// The outcome is committed: acknowledge the message.
    Acknowledge(Acknowledged),
    /// The message can never be recorded: dead-letter it, then acknowledge it.
    DeadLetter {
        /// The reason, for programs.
        reason: DeadLetterReason,
        /// The reason, for people.
        detail: String,
    },
    /// Nothing is recorded: keep the message and process it again later. Holds the cause.
    TryLater(String),
}

/// A committed outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acknowledged {
    /// The payout has recorded the report.
    Recorded(Receipt),
    /// The report is parked until its payout can record it.
    Parked,
}

/// Processes messages, concurrently. Processing the same message more than once is safe.
pub struct ReportIntake {
    payouts: PayoutsHandle,
    parked_reports: Arc<dyn ParkedReportStore>,
    config: ReportIntakeConfig,
}

impl ReportIntake {
    /// Creates the intake of reports for `payouts`.
    #[must_use]
    pub fn new(
        payouts: PayoutsHandle,
        parked_reports: Arc<dyn ParkedReportStore>,
        config: ReportIntakeConfig,
    ) -> Self {
        Self { payouts, parked_reports, config }
    }

    /// The current time on the actor system's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.payouts.now()
    }

    /// Processes a message of a chain watcher. If it returns `Acknowledge`, the outcome is committed.
    pub async fn process(&self, incoming: &Incoming<'_>) -> Disposition {
        let (payout, report) = match envelope::read(incoming, self.config.max_bytes) {
            Ok(read) => read,
            Err(unreadable) => {
                return Disposition::DeadLetter { reason: unreadable.reason, detail: unreadable.detail };
            }
        };
        let traceparent = traceparent_in(incoming.headers);
        let answer = self.payouts.report(payout, Mode::Live, report.clone(), traceparent.clone()).await;
        match answer {
            Ok(receipt) => recorded(receipt, report.time, self.now()),
            Err(ReportError::WrongMode(_)) => sandbox_payout(),
            Err(ReportError::Unavailable(Unavailable(why))) => Disposition::TryLater(why),
            Err(ReportError::NotFound) => match self.park(payout, &report, traceparent.as_deref()).await {
                Ok(()) => self.retry_after_parking(payout, report, traceparent).await,
                Err(Unavailable(why)) => Disposition::TryLater(why),
            },
            Err(ReportError::Quarantined) => match self.park(payout, &report, traceparent.as_deref()).await {
                Ok(()) => Disposition::Acknowledge(Acknowledged::Parked),
                Err(Unavailable(why)) => Disposition::TryLater(why),
            },
        }
    }

    async fn park(
        &self,
        payout_id: PayoutId,
        report: &Report,
        traceparent: Option<&str>,
    ) -> Result<(), Unavailable> {
        let parked_at = self.now();
        let seconds = u32::try_from(self.config.park_for.as_secs()).unwrap_or(u32::MAX);
        let parked = ParkedReport {
            payout_id,
            key: report.key.clone(),
            body: report_message(payout_id, report),
            traceparent: traceparent.map(str::to_owned),
            parked_at,
            expires_at: parked_at.plus_seconds(seconds),
        };
        failpoint::pass("report-parking");
        let result = self.parked_reports.park(&parked).await;
        failpoint::pass("report-parked");
        result
    }

    /// Records a parked report at once if its payout was created between the first attempt and the parking. Otherwise
    /// the report stays parked until the worker retries it.
    async fn retry_after_parking(
        &self,
        payout: PayoutId,
        report: Report,
        traceparent: Option<Arc<str>>,
    ) -> Disposition {
        let parked = Disposition::Acknowledge(Acknowledged::Parked);
        if !matches!(self.payouts.read(payout).await, Ok(Some(_))) {
            return parked;
        }
        let (key, time) = (report.key.clone(), report.time);
        match self.payouts.report(payout, Mode::Live, report, traceparent).await {
            Ok(receipt) => {
                // If this fails, the worker retries the report, and the payout recognises the repeat.
                let _ = self.parked_reports.unpark(payout, &key).await;
                recorded(receipt, time, self.now())
            }
            // The worker gets the same error and handles it.
            Err(
                ReportError::NotFound
                | ReportError::WrongMode(_)
                | ReportError::Quarantined
                | ReportError::Unavailable(_),
            ) => parked,
        }
    }
}

fn sandbox_payout() -> Disposition {
    let detail = "subject: is a sandbox payout, which is on no chain".to_owned();
    Disposition::DeadLetter { reason: DeadLetterReason::SandboxPayout, detail }
}

fn recorded(receipt: Receipt, time: Timestamp, now: Timestamp) -> Disposition {
    metrics::histogram!("payoutd_intake_lag_seconds").record(now.seconds_since(time).max(0.0));
    Disposition::Acknowledge(Acknowledged::Recorded(receipt))
}
