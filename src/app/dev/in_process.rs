//! Reports without a broker, for `payoutd dev`.

use async_trait::async_trait;
use payoutd_actors::handle::PayoutsHandle;
use payoutd_actors::ports::Unavailable;
use payoutd_domain::{Mode, PayoutId, Report};

use crate::reports::{
    CONTENT_TYPE, DeadLetter, DeadLetters, Disposition, Incoming, ReportIntake, report_message,
};
use crate::sandbox::{ReportSink, SandboxSink};

/// Passes simulated reports on live payouts to the report intake, and those on sandbox payouts to their actors.
pub(super) struct DevReportSink {
    pub(super) payouts: PayoutsHandle,
    pub(super) intake: ReportIntake,
}

#[async_trait]
impl ReportSink for DevReportSink {
    async fn submit(&self, id: PayoutId, report: Report) -> Result<(), Unavailable> {
        let Some(snapshot) = self.payouts.read(id).await? else { return Ok(()) };
        match snapshot.payout.terms.mode {
            Mode::Test => SandboxSink(self.payouts.clone()).submit(id, report).await,
            Mode::Live => self.process(id, &report).await,
        }
    }
}

impl DevReportSink {
    async fn process(&self, id: PayoutId, report: &Report) -> Result<(), Unavailable> {
        let body = report_message(id, report);
        let incoming = Incoming {
            routing_key: &id.to_string(),
            content_type: Some(CONTENT_TYPE),
            headers: &[],
            body: body.as_bytes(),
            received_at: self.intake.now(),
        };
        match self.intake.process(&incoming).await {
            Disposition::Acknowledge(_) => Ok(()),
            Disposition::TryLater(reason) => Err(Unavailable(reason)),
            Disposition::DeadLetter { reason, detail } => {
                tracing::error!(payout = %id, reason = reason.as_str(), detail, "the simulator sent an invalid report");
                Ok(())
            }
        }
    }
}

/// Logs dead letters, because there is no broker to publish them to.
pub(super) struct LoggedDeadLetters;

#[async_trait]
impl DeadLetters for LoggedDeadLetters {
    async fn send(&self, letter: &DeadLetter) -> Result<(), Unavailable> {
        tracing::warn!(routing_key = letter.routing_key, reason = letter.reason.as_str(), "dead letter");
        Ok(())
    }
}
