//! The services and ports below the HTTP API, whose callers can be cancelled.

use std::sync::Arc;

use payoutd::idempotency::no_record;
use payoutd::quotes::{QuoteError, QuoteRequest, QuoteResponse};
use payoutd_actors::ports::{Appended, BatchError, Created};
use payoutd_actors::reply::CreateError;
use payoutd_domain::{Mode, NewPayout, Payout, Snapshot, Terms};

use super::await_points::cancel_everywhere;
use super::in_process_app::InProcessApp;
use super::requests::{quote_request, unique_name};
use crate::store::samples;

pub(super) async fn are_cancellable(app: &InProcessApp) {
    quotes(app).await;
    payout_creations(app).await;
    creating_commits(app).await;
    recording_commits(app).await;
    app.database.assert_consistent().await;
}

fn new_payout(app: &InProcessApp) -> NewPayout {
    let terms = samples::terms(Mode::Live, &format!("quo_{}", samples::unique()));
    samples::payout_of(Terms { org: app.org, ..terms })
}

async fn quotes(app: &InProcessApp) {
    let service = app.quotes();
    let quote =
        async |request: &QuoteRequest| service.quote(app.org, Mode::Test, request.clone(), &no_record).await;
    cancel_everywhere(
        app,
        "QuoteService::quote",
        1,
        async || serde_json::from_value::<QuoteRequest>(quote_request(&unique_name())).unwrap(),
        async |request| quote(request).await,
        async |request, output: Option<Result<QuoteResponse, QuoteError>>| {
            let again = quote(&request).await.unwrap();
            if let Some(output) = output {
                assert_eq!(
                    serde_json::to_value(output.unwrap()).unwrap(),
                    serde_json::to_value(&again).unwrap()
                );
            }
            let id = serde_json::to_value(&again).unwrap()["quote_id"].as_str().unwrap().to_owned();
            // A new service reads the quote from the store.
            app.quotes().open(app.org, Mode::Test, &id).await.unwrap();
        },
    )
    .await;
}

async fn payout_creations(app: &InProcessApp) {
    cancel_everywhere(
        app,
        "PayoutsHandle::create",
        1,
        async || new_payout(app),
        async |payout| app.payouts.create(payout.clone(), None).await,
        async |payout, output: Option<Result<Arc<Snapshot>, CreateError>>| {
            if let Some(output) = output {
                output.unwrap();
            }
            match app.payouts.create(payout.clone(), None).await {
                Ok(_) => {}
                Err(error) => assert_eq!(error, CreateError::QuoteUsed(payout.id)),
            }
            app.assert_can_complete(payout.id).await;
        },
    )
    .await;
}

async fn creating_commits(app: &InProcessApp) {
    let store = app.store();
    cancel_everywhere(
        app,
        "Journal::create",
        1,
        async || samples::create(&new_payout(app)),
        async |write| store.create(std::slice::from_ref(write)).await,
        async |write, output: Option<Result<Vec<Created>, BatchError>>| {
            let id = write.payout.id;
            let again = store.create(std::slice::from_ref(&write)).await.unwrap();
            match output {
                Some(output) => assert_eq!(
                    (output.unwrap(), again),
                    (vec![Created::Inserted], vec![Created::QuoteUsed(id)])
                ),
                None => assert!(again == [Created::Inserted] || again == [Created::QuoteUsed(id)]),
            }
            app.assert_can_complete(id).await;
        },
    )
    .await;
}

async fn recording_commits(app: &InProcessApp) {
    let store = app.store();
    cancel_everywhere(
        app,
        "Journal::append",
        1,
        async || {
            let payout = new_payout(app);
            store.create(&[samples::create(&payout)]).await.unwrap();
            samples::append(&Payout::new(Arc::new(payout)), samples::broadcast("0xa")).0
        },
        async |write| store.append(std::slice::from_ref(write)).await,
        async |write, output: Option<Result<Vec<Appended>, BatchError>>| {
            let again = store.append(std::slice::from_ref(&write)).await.unwrap();
            match output {
                Some(output) => {
                    assert_eq!(
                        (output.unwrap(), again),
                        (vec![Appended::Committed], vec![Appended::Conflict])
                    )
                }
                None => assert!(again == [Appended::Committed] || again == [Appended::Conflict]),
            }
            let recorded = app.recorded(write.payout_id()).await;
            assert_eq!((recorded.version().0, recorded.snapshot().sequence.0), (2, 2));
            app.assert_in_outbox(write.payout_id()).await;
            app.assert_can_complete(write.payout_id()).await;
        },
    )
    .await;
}
