//! The desk: takes one message in and says what is to become of it.

use std::sync::Arc;
use std::time::Duration;

use payoutd_actors::failpoint;
use payoutd_actors::handle::PayoutsHandle;
use payoutd_actors::ports::Unavailable;
use payoutd_actors::reply::{Receipt, ReportError};
use payoutd_domain::{Mode, PayoutId, Report, Timestamp};

use super::dead_letter::DeadLetterReason;
use super::envelope::{self, Incoming};
use super::message::report_message;
use super::trace::traceparent_in;
use super::{DEFAULT_MAX_BYTES, ParkedReport, ParkedReportStore};

/// The limits of a desk.
#[derive(Debug, Clone, Copy)]
pub struct ReportIntakeConfig {
    /// The largest body, in bytes.
    pub max_bytes: usize,
    /// How long a report waits for its payout, to the second.
    pub park_for: Duration,
}

impl Default for ReportIntakeConfig {
    fn default() -> Self {
        Self { max_bytes: DEFAULT_MAX_BYTES, park_for: Duration::from_secs(60 * 60) }
    }
}

/// What is to become of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disposition {
    /// Its outcome is committed: acknowledge it.
    Acknowledge(Acknowledged),
    /// It will never be a report: put it aside, then acknowledge it.
    DeadLetter {
        /// Why, for machines.
        reason: DeadLetterReason,
        /// Why, for people.
        detail: String,
    },
    /// Nothing could be recorded: keep it, and take it in again later.
    TryLater(String),
}

/// The outcome that is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acknowledged {
    /// The payout has decided.
    Recorded(Receipt),
    /// It waits for its payout, in the parking lot.
    Parked,
}

/// Takes messages in, one at a time or many at once. It may be given the same message any number of times.
pub struct ReportIntake {
    payouts: PayoutsHandle,
    parking: Arc<dyn ParkedReportStore>,
    config: ReportIntakeConfig,
}

impl ReportIntake {
    /// A desk in front of `payouts`.
    #[must_use]
    pub fn new(
        payouts: PayoutsHandle,
        parking: Arc<dyn ParkedReportStore>,
        config: ReportIntakeConfig,
    ) -> Self {
        Self { payouts, parking, config }
    }

    /// The time by the payouts' clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.payouts.now()
    }

    /// Takes a message of a chain watcher in. What this returns is committed where it is to be acknowledged.
    pub async fn take(&self, incoming: &Incoming<'_>) -> Disposition {
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
            Err(ReportError::WrongMode(_)) => sandbox(),
            Err(ReportError::Unavailable(Unavailable(why))) => Disposition::TryLater(why),
            Err(ReportError::NotFound) => match self.park(payout, &report, traceparent.as_deref()).await {
                Ok(()) => self.look_again(payout, report, traceparent).await,
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
        let parked = self.parking.park(&parked).await;
        failpoint::pass("report-parked");
        parked
    }

    /// The payout may have appeared between the first look and the parking. It is parked, so nothing is lost
    /// whatever happens here; but it need not wait for the attendant's next round.
    async fn look_again(
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
                // Left parked, it would be reported once more, and recognised as a repeat.
                let _ = self.parking.unpark(payout, &key).await;
                recorded(receipt, time, self.now())
            }
            // The attendant meets the same answer and knows what to do with a parked report.
            Err(
                ReportError::NotFound
                | ReportError::WrongMode(_)
                | ReportError::Quarantined
                | ReportError::Unavailable(_),
            ) => parked,
        }
    }
}

fn sandbox() -> Disposition {
    let detail = "subject: is a sandbox payout, which is on no chain".to_owned();
    Disposition::DeadLetter { reason: DeadLetterReason::SandboxPayout, detail }
}

fn recorded(receipt: Receipt, time: Timestamp, now: Timestamp) -> Disposition {
    metrics::histogram!("payoutd_intake_lag_seconds").record(now.seconds_since(time).max(0.0));
    Disposition::Acknowledge(Acknowledged::Recorded(receipt))
}
