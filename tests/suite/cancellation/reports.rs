//! Reports about payouts with a live actor, with a passivated actor, and about payouts that do not exist yet.

use std::sync::Arc;

use async_trait::async_trait;
use payoutd::reports::{
    Acknowledged, CONTENT_TYPE, DeadLetter, DeadLetters, Disposition, Incoming, ParkedReportWorker,
    ParkedReportWorkerConfig, ReportIntake, report_message,
};
use payoutd_actors::ports::Unavailable;
use payoutd_actors::reply::{Receipt, ReportError};
use payoutd_domain::{Mode, NewPayout, Outcome, PayoutId, Report, Terms};

use super::await_points::cancel_everywhere;
use super::in_process_app::{InProcessApp, broadcast};
use super::requests::create_payout;
use crate::store::samples;

pub(super) async fn are_cancellable(app: &InProcessApp) {
    reports_to_actor(app, "a report, live actor", 1, false).await;
    reports_to_actor(app, "a report, passivated actor", 1, true).await;
    intake_of_a_known_payout(app).await;
    intake_before_creation(app).await;
    parked_report_rounds(app).await;
    app.database.assert_consistent().await;
}

/// Asserts that the report has one outcome, and that it was applied.
async fn assert_applied_once(app: &InProcessApp, id: PayoutId, report: &Report) {
    let recorded =
        format!("FROM journal WHERE payout_id = {} AND report_id = '{}'", app.database.id(id), report.key.id);
    let applied = format!("SELECT count(*) {recorded} AND outcome = 'applied'");
    assert_eq!(app.database.query_number(&applied).await, 1);
    assert_eq!(app.database.query_number(&format!("SELECT count(*) {recorded}")).await, 1);
    assert_eq!(app.recorded(id).await.snapshot().sequence.0, 2);
    app.assert_can_complete(id).await;
}

async fn reports_to_actor(app: &InProcessApp, operation: &str, minimum: usize, passivated: bool) {
    cancel_everywhere(
        app,
        operation,
        minimum,
        async || {
            let id = create_payout(app, Mode::Live).await;
            if passivated {
                app.payouts.evict_all().await;
            }
            (id, broadcast())
        },
        async |(id, report)| app.payouts.report(*id, Mode::Live, report.clone(), None).await,
        async |(id, report), output: Option<Result<Receipt, ReportError>>| {
            let again = app.payouts.report(id, Mode::Live, report.clone(), None).await.unwrap();
            assert_eq!(again.sequence.0, 2);
            if let Some(output) = output {
                assert_eq!(output.unwrap().outcome, Outcome::Applied);
                assert!(matches!(again.outcome, Outcome::Unchanged(_)), "{again:?}");
            }
            assert_applied_once(app, id, &report).await;
        },
    )
    .await;
}

async fn process(app: &InProcessApp, intake: &ReportIntake, id: PayoutId, report: &Report) -> Disposition {
    let (routing_key, body) = (id.to_string(), report_message(id, report));
    let incoming = Incoming {
        routing_key: &routing_key,
        content_type: Some(CONTENT_TYPE),
        headers: &[],
        body: body.as_bytes(),
        received_at: app.payouts.now(),
    };
    intake.process(&incoming).await
}

async fn intake_of_a_known_payout(app: &InProcessApp) {
    let intake = app.intake();
    cancel_everywhere(
        app,
        "the intake, known payout",
        1,
        async || (create_payout(app, Mode::Live).await, broadcast()),
        async |(id, report)| process(app, &intake, *id, report).await,
        async |(id, report), _| {
            let redelivered = process(app, &intake, id, &report).await;
            let recorded = matches!(&redelivered, Disposition::Acknowledge(Acknowledged::Recorded(_)));
            assert!(recorded, "{redelivered:?}");
            assert_applied_once(app, id, &report).await;
        },
    )
    .await;
}

/// A payout that is not created yet.
fn future_payout(app: &InProcessApp) -> NewPayout {
    let terms = samples::terms(Mode::Live, &format!("quo_{}", samples::unique()));
    samples::payout_of(Terms { org: app.org, ..terms })
}

async fn intake_before_creation(app: &InProcessApp) {
    let intake = app.intake();
    let worker = parked_report_worker(app);
    cancel_everywhere(
        app,
        "the intake, unknown payout",
        2,
        async || (future_payout(app), broadcast()),
        async |(payout, report)| process(app, &intake, payout.id, report).await,
        async |(payout, report), _| {
            let redelivered = process(app, &intake, payout.id, &report).await;
            assert_eq!(redelivered, Disposition::Acknowledge(Acknowledged::Parked));
            assert_eq!(app.store().parked().await.unwrap(), 1, "the report is parked once");
            app.payouts.create(payout.clone(), None).await.unwrap();
            worker.round().await.unwrap();
            assert_eq!(app.store().parked().await.unwrap(), 0);
            assert_applied_once(app, payout.id, &report).await;
        },
    )
    .await;
}

async fn parked_report_rounds(app: &InProcessApp) {
    let intake = app.intake();
    let worker = parked_report_worker(app);
    cancel_everywhere(
        app,
        "the round of the parked report worker",
        4,
        async || {
            let (payout, report) = (future_payout(app), broadcast());
            assert!(matches!(process(app, &intake, payout.id, &report).await, Disposition::Acknowledge(_)));
            app.payouts.create(payout.clone(), None).await.unwrap();
            (payout.id, report)
        },
        async |_| worker.round().await,
        async |(id, report), output: Option<Result<(), Unavailable>>| {
            if let Some(output) = output {
                output.unwrap();
                assert_eq!(app.store().parked().await.unwrap(), 0);
            }
            worker.round().await.unwrap();
            assert_eq!(app.store().parked().await.unwrap(), 0);
            assert_applied_once(app, id, &report).await;
        },
    )
    .await;
}

fn parked_report_worker(app: &InProcessApp) -> ParkedReportWorker {
    ParkedReportWorker::new(
        app.payouts.clone(),
        app.store() as _,
        Arc::new(NoDeadLetters),
        ParkedReportWorkerConfig::default(),
    )
}

/// Fails for each dead letter: these tests send none.
struct NoDeadLetters;

#[async_trait]
impl DeadLetters for NoDeadLetters {
    async fn send(&self, dead_letter: &DeadLetter) -> Result<(), Unavailable> {
        Err(Unavailable(format!("unexpected dead letter: {dead_letter:?}")))
    }
}
