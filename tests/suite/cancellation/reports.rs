//! Reports of chain watchers: on a payout that is in memory, on one that is not, and before there is a payout.

use std::sync::Arc;

use async_trait::async_trait;
use payoutd::reports::{
    Acknowledged, CONTENT_TYPE, DeadLetter, DeadLetters, Disposition, Incoming, ParkedReportWorker,
    ParkedReportWorkerConfig, ReportIntake, report_message,
};
use payoutd_actors::ports::Unavailable;
use payoutd_actors::reply::{Receipt, ReportError};
use payoutd_domain::{Mode, NewPayout, Outcome, PayoutId, Report, Terms};

use super::cut::everywhere;
use super::house::{House, broadcast};
use super::requests::created;
use crate::store::made;

pub(super) async fn are_cut_off_everywhere(house: &House) {
    on_a_payout(house, "a report, live actor", 1, false).await;
    on_a_payout(house, "a report, passivated actor", 1, true).await;
    through_the_desk(house).await;
    before_its_payout(house).await;
    out_of_the_lot(house).await;
    house.world.assert_whole().await;
}

/// The report has one outcome: it was applied, once.
async fn assert_counted_once(house: &House, id: PayoutId, report: &Report) {
    let recorded =
        format!("FROM journal WHERE payout_id = {} AND report_id = '{}'", house.world.id(id), report.key.id);
    let applied = format!("SELECT count(*) {recorded} AND outcome = 'applied'");
    assert_eq!(house.world.number(&applied).await, 1);
    assert_eq!(house.world.number(&format!("SELECT count(*) {recorded}")).await, 1);
    assert_eq!(house.recorded(id).await.snapshot().sequence.0, 2);
    house.assert_goes_on(id).await;
}

async fn on_a_payout(house: &House, what: &str, least: usize, passivated: bool) {
    everywhere(
        house,
        what,
        least,
        async || {
            let id = created(house, Mode::Live).await;
            if passivated {
                house.payouts.forget_all().await;
            }
            (id, broadcast())
        },
        async |(id, report)| house.payouts.report(*id, Mode::Live, report.clone(), None).await,
        async |(id, report), seen: Option<Result<Receipt, ReportError>>| {
            let again = house.payouts.report(id, Mode::Live, report.clone(), None).await.unwrap();
            assert_eq!(again.sequence.0, 2);
            if let Some(seen) = seen {
                assert_eq!(seen.unwrap().outcome, Outcome::Applied);
                assert!(matches!(again.outcome, Outcome::Unchanged(_)), "{again:?}");
            }
            assert_counted_once(house, id, &report).await;
        },
    )
    .await;
}

async fn take(house: &House, desk: &ReportIntake, id: PayoutId, report: &Report) -> Disposition {
    let (routing_key, body) = (id.to_string(), report_message(id, report));
    let incoming = Incoming {
        routing_key: &routing_key,
        content_type: Some(CONTENT_TYPE),
        headers: &[],
        body: body.as_bytes(),
        received_at: house.payouts.now(),
    };
    desk.take(&incoming).await
}

async fn through_the_desk(house: &House) {
    let desk = house.intake();
    everywhere(
        house,
        "the intake, of a payout",
        1,
        async || (created(house, Mode::Live).await, broadcast()),
        async |(id, report)| take(house, &desk, *id, report).await,
        async |(id, report), _| {
            let redelivered = take(house, &desk, id, &report).await;
            let recorded = matches!(&redelivered, Disposition::Acknowledge(Acknowledged::Recorded(_)));
            assert!(recorded, "{redelivered:?}");
            assert_counted_once(house, id, &report).await;
        },
    )
    .await;
}

/// A payout of the partner's that is not there yet.
fn unborn(house: &House) -> NewPayout {
    let terms = made::terms(Mode::Live, &format!("quo_{}", made::unique()));
    made::payout_of(Terms { org: house.org, ..terms })
}

async fn before_its_payout(house: &House) {
    let desk = house.intake();
    let attendant = attendant(house);
    everywhere(
        house,
        "the intake, before its payout",
        2,
        async || (unborn(house), broadcast()),
        async |(payout, report)| take(house, &desk, payout.id, report).await,
        async |(payout, report), _| {
            let redelivered = take(house, &desk, payout.id, &report).await;
            assert_eq!(redelivered, Disposition::Acknowledge(Acknowledged::Parked));
            assert_eq!(house.store().parked().await.unwrap(), 1, "parked once");
            house.payouts.create(payout.clone(), None).await.unwrap();
            attendant.round().await.unwrap();
            assert_eq!(house.store().parked().await.unwrap(), 0);
            assert_counted_once(house, payout.id, &report).await;
        },
    )
    .await;
}

async fn out_of_the_lot(house: &House) {
    let desk = house.intake();
    let attendant = attendant(house);
    everywhere(
        house,
        "the parking attendant's round",
        4,
        async || {
            let (payout, report) = (unborn(house), broadcast());
            assert!(matches!(take(house, &desk, payout.id, &report).await, Disposition::Acknowledge(_)));
            house.payouts.create(payout.clone(), None).await.unwrap();
            (payout.id, report)
        },
        async |_| attendant.round().await,
        async |(id, report), seen: Option<Result<(), Unavailable>>| {
            if let Some(seen) = seen {
                seen.unwrap();
                assert_eq!(house.store().parked().await.unwrap(), 0);
            }
            attendant.round().await.unwrap();
            assert_eq!(house.store().parked().await.unwrap(), 0);
            assert_counted_once(house, id, &report).await;
        },
    )
    .await;
}

fn attendant(house: &House) -> ParkedReportWorker {
    let letters = Arc::new(NoLetters);
    ParkedReportWorker::new(
        house.payouts.clone(),
        house.store() as _,
        letters,
        ParkedReportWorkerConfig::default(),
    )
}

/// Nothing here is to be put aside.
struct NoLetters;

#[async_trait]
impl DeadLetters for NoLetters {
    async fn send(&self, letter: &DeadLetter) -> Result<(), Unavailable> {
        Err(Unavailable(format!("not to be put aside: {letter:?}")))
    }
}
