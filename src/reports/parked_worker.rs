//! The attendant of the parking lot: hands parked reports in once their payout is there, and puts those aside whose
//! time ran out.
//!
//! A report leaves the lot last of all, so that a crash anywhere only makes it be handed in, or put aside, once more.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use payoutd_actors::failpoint;
use payoutd_actors::handle::PayoutsHandle;
use payoutd_actors::ports::Unavailable;
use payoutd_actors::reply::ReportError;
use payoutd_domain::{Mode, PayoutId};

use super::dead_letter::{DeadLetter, DeadLetterReason, DeadLetters, Unreadable};
use super::envelope::{self, Incoming};
use super::message::CONTENT_TYPE;
use super::{ParkedReport, ParkedReportStore};

/// How many payouts' reports are handed in at once.
const AT_ONCE: usize = 32;
/// The longest pause between two rounds, while they fail.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How an attendant works.
#[derive(Debug, Clone, Copy)]
pub struct ParkedReportWorkerConfig {
    /// The pause between two rounds.
    pub every: Duration,
    /// The most reports of each kind in one round.
    pub batch: u32,
}

impl Default for ParkedReportWorkerConfig {
    fn default() -> Self {
        Self { every: Duration::from_secs(1), batch: 1_000 }
    }
}

/// Looks after the parking lot. Several may, of one lot: reports handed in twice are repeats.
pub struct ParkedReportWorker {
    payouts: PayoutsHandle,
    parking: Arc<dyn ParkedReportStore>,
    letters: Arc<dyn DeadLetters>,
    config: ParkedReportWorkerConfig,
}

/// What one look at a parked report came to.
enum Handed {
    /// Dealt with: it may leave the lot.
    Done,
    /// It is to be put aside first.
    PutAside(Unreadable),
    /// It has to wait on. Where its time has run out it is put aside for this reason; without one, never: whether
    /// the payout is there is not known.
    Waits(Option<DeadLetterReason>),
}

impl ParkedReportWorker {
    /// An attendant of `parking`.
    #[must_use]
    pub fn new(
        payouts: PayoutsHandle,
        parking: Arc<dyn ParkedReportStore>,
        letters: Arc<dyn DeadLetters>,
        config: ParkedReportWorkerConfig,
    ) -> Self {
        Self { payouts, parking, letters, config }
    }

    /// Makes rounds until `shutdown`. A round under way is finished. While something cannot be reached the pauses
    /// grow to half a minute.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let mut shutdown = pin!(shutdown);
        let mut pause = self.config.every;
        loop {
            tokio::select! {
                () = &mut shutdown => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = match self.round().await {
                Ok(()) => self.config.every,
                Err(Unavailable(why)) => {
                    tracing::warn!(why, "the parking lot cannot be tended now; trying again");
                    (pause * 2).min(LONGEST_PAUSE)
                }
            };
        }
    }

    /// One round: at most a batch of the reports whose payout is there, and one of those whose time ran out.
    ///
    /// # Errors
    /// Where the store, or the place for dead letters, cannot be reached. The next round starts afresh.
    #[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
    pub async fn round(&self) -> Result<(), Unavailable> {
        let parked = self.parking.parked().await?;
        metrics::gauge!("payoutd_intake_parked").set(parked as f64);
        if parked == 0 {
            return Ok(());
        }
        let claimable = by_payout(self.parking.claimable(self.config.batch).await?);
        let mut tended = stream::iter(claimable).map(|reports| self.tend(reports)).buffer_unordered(AT_ONCE);
        while let Some(result) = tended.next().await {
            result?;
        }
        // One by one: while nothing can be taken out of the lot, nothing is put aside over and over either.
        for report in self.parking.expired(self.payouts.now(), self.config.batch).await? {
            match self.hand_in(&report).await {
                Handed::Waits(Some(reason)) => {
                    let why = Unreadable::new(reason, waited_in_vain(&report));
                    self.settle(&report, Some(why)).await?;
                }
                Handed::Waits(None) => {}
                Handed::Done => self.settle(&report, None).await?,
                Handed::PutAside(why) => self.settle(&report, Some(why)).await?,
            }
        }
        Ok(())
    }

    /// Hands one payout's reports in, in order: where one has to wait, those behind it wait as well.
    async fn tend(&self, reports: Vec<ParkedReport>) -> Result<(), Unavailable> {
        for report in reports {
            match self.hand_in(&report).await {
                Handed::Waits(_) => return Ok(()),
                Handed::Done => self.settle(&report, None).await?,
                Handed::PutAside(why) => self.settle(&report, Some(why)).await?,
            }
        }
        Ok(())
    }

    /// Takes a report out of the lot, once it is put aside where it must be.
    async fn settle(&self, report: &ParkedReport, aside: Option<Unreadable>) -> Result<(), Unavailable> {
        if let Some(Unreadable { reason, detail }) = aside {
            self.letters.send(&letter(report, reason, detail)).await?;
            failpoint::pass("parked-report-put-aside");
            metrics::counter!("payoutd_intake_dead_lettered_total", "reason" => reason.as_str()).increment(1);
            tracing::warn!(payout = %report.payout_id, reason = reason.as_str(), "dead-lettered a parked report");
        }
        let unparked = self.parking.unpark(report.payout_id, &report.key).await;
        failpoint::pass("report-unparked");
        unparked
    }

    async fn hand_in(&self, parked: &ParkedReport) -> Handed {
        let routing_key = parked.payout_id.to_string();
        let incoming = Incoming {
            routing_key: &routing_key,
            content_type: Some(CONTENT_TYPE),
            headers: &[],
            body: parked.body.as_bytes(),
            received_at: parked.parked_at,
        };
        // Its size was looked at when it came; written out again it may be a little longer.
        let (payout, report) = match envelope::read(&incoming, usize::MAX) {
            Ok(read) => read,
            Err(unreadable) => return Handed::PutAside(unreadable),
        };
        let traceparent = parked.traceparent.as_deref().map(Arc::from);
        match self.payouts.report(payout, Mode::Live, report, traceparent).await {
            Ok(receipt) => {
                tracing::info!(%payout, outcome = receipt.outcome.name(), "a parked report was handed in");
                Handed::Done
            }
            Err(ReportError::WrongMode(_)) => Handed::PutAside(Unreadable::new(
                DeadLetterReason::SandboxPayout,
                "subject: is a sandbox payout, which is on no chain",
            )),
            Err(ReportError::NotFound) => Handed::Waits(Some(DeadLetterReason::UnknownPayout)),
            Err(ReportError::Quarantined) => Handed::Waits(Some(DeadLetterReason::Quarantined)),
            Err(ReportError::Unavailable(Unavailable(why))) => {
                tracing::warn!(%payout, why, "a parked report could not be recorded; trying again");
                Handed::Waits(None)
            }
        }
    }
}

/// The reports by payout, each payout's in the order given.
fn by_payout(reports: Vec<ParkedReport>) -> Vec<Vec<ParkedReport>> {
    let mut places = HashMap::new();
    let mut groups: Vec<Vec<ParkedReport>> = Vec::new();
    for report in reports {
        let place = *places.entry(report.payout_id).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Vec::new());
        }
        groups[place].push(report);
    }
    groups
}

fn waited_in_vain(report: &ParkedReport) -> String {
    format!("subject: no payout took this report between {} and {}", report.parked_at, report.expires_at)
}

fn letter(report: &ParkedReport, reason: DeadLetterReason, detail: String) -> DeadLetter {
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
