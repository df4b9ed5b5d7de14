//! The bus inside the process, for `payoutd dev`: the simulator's reports come in through the same desk as the broker's.

use async_trait::async_trait;
use payoutd_actors::handle::PayoutsHandle;
use payoutd_actors::ports::Unavailable;
use payoutd_domain::{Mode, PayoutId, Report};

use crate::reports::{
    CONTENT_TYPE, DeadLetter, DeadLetters, Disposition, Incoming, ReportIntake, report_message,
};
use crate::sandbox::{ReportSink, SandboxSink};

/// Hands simulated reports in: on live payouts through the intake's desk, on sandbox payouts directly.
pub(super) struct DevReportSink {
    pub(super) payouts: PayoutsHandle,
    pub(super) desk: ReportIntake,
}

#[async_trait]
impl ReportSink for DevReportSink {
    async fn hand_in(&self, id: PayoutId, report: Report) -> Result<(), Unavailable> {
        let Some(snapshot) = self.payouts.read(id).await? else { return Ok(()) };
        match snapshot.payout.terms.mode {
            Mode::Test => SandboxSink(self.payouts.clone()).hand_in(id, report).await,
            Mode::Live => self.publish(id, &report).await,
        }
    }
}

impl DevReportSink {
    async fn publish(&self, id: PayoutId, report: &Report) -> Result<(), Unavailable> {
        let body = report_message(id, report);
        let incoming = Incoming {
            routing_key: &id.to_string(),
            content_type: Some(CONTENT_TYPE),
            headers: &[],
            body: body.as_bytes(),
            received_at: self.desk.now(),
        };
        match self.desk.take(&incoming).await {
            Disposition::Acknowledge(_) => Ok(()),
            Disposition::TryLater(why) => Err(Unavailable(why)),
            Disposition::DeadLetter { reason, detail } => {
                tracing::error!(payout = %id, reason = reason.as_str(), detail, "the simulator sent a bad report");
                Ok(())
            }
        }
    }
}

/// Where dead letters go when there is no broker: the log.
pub(super) struct LoggedDeadLetters;

#[async_trait]
impl DeadLetters for LoggedDeadLetters {
    async fn send(&self, letter: &DeadLetter) -> Result<(), Unavailable> {
        tracing::warn!(routing_key = letter.routing_key, reason = letter.reason.as_str(), "dead letter");
        Ok(())
    }
}
