//! A running tracking page over in-memory payouts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use payoutd::config::Config;
use payoutd::http::{HttpServer, ServerLimits, TrackingConfig, TrackingDependencies, tracking_router};
use payoutd::quotes::routes::Routes;
use payoutd::runtime::shutdown::{ShutdownTrigger, shutdown_signal};
use payoutd::tracking::TokenIndex;
use payoutd_actors::handle::PayoutsHandle;
use payoutd_actors::ports::{Clock, Unavailable};
use payoutd_actors::testing::{
    ManualClock, MemoryJournal, TestSystem, sample, start_test_system, test_config,
};
use payoutd_domain::{
    Amount, BroadcastReport, DeliveredReport, FailedFunds, FailedReport, Network, NewPayout, PayoutId,
    Report, ReportKey, ReportKind, Terms, TrackingToken, Transaction, TxHash,
};
use tokio::net::TcpListener;

pub(crate) struct TrackingHarness {
    /// `http://127.0.0.1:<port>`
    pub(crate) base: String,
    pub(crate) payouts: PayoutsHandle,
    pub(crate) journal: MemoryJournal,
    pub(crate) clock: ManualClock,
    pub(crate) index: FakeTokenIndex,
    pub(crate) stopper: ShutdownTrigger,
    reports: AtomicU64,
    _started: TestSystem,
}

/// A token index over the journal that counts its lookups and can be made unavailable.
#[derive(Clone)]
pub(crate) struct FakeTokenIndex {
    journal: MemoryJournal,
    lookups: Arc<AtomicU64>,
    is_unavailable: Arc<AtomicBool>,
}

impl FakeTokenIndex {
    pub(crate) fn lookups(&self) -> u64 {
        self.lookups.load(Ordering::SeqCst)
    }

    pub(crate) fn set_unavailable(&self, unavailable: bool) {
        self.is_unavailable.store(unavailable, Ordering::SeqCst);
    }
}

#[async_trait]
impl TokenIndex for FakeTokenIndex {
    async fn payout_by_token(&self, token: TrackingToken) -> Result<Option<PayoutId>, Unavailable> {
        self.lookups.fetch_add(1, Ordering::SeqCst);
        if self.is_unavailable.load(Ordering::SeqCst) {
            return Err(Unavailable("requested by the test".into()));
        }
        let has_token = |id: &PayoutId| {
            self.journal.row(*id).is_some_and(|snapshot| snapshot.payout.tracking_token == token)
        };
        Ok(self.journal.ids().into_iter().find(has_token))
    }
}

pub(crate) fn default_routes() -> Routes {
    let config = Config::from_environment([]).unwrap();
    Routes::try_from(&config.routes).unwrap()
}

pub(crate) const ETHEREUM_TX: &str = "0x5c504ed432cb51138bcf09aa5e8a410dd4a1e204ef84bfed1be16dfba1b22060";
pub(crate) const TRON_TX: &str = "d5f1a2c07b9e4c8f3ad1b6e5f4c3a2918d7e6f5a4b3c2d1e0f9a8b7c6d5e4f30";

impl TrackingHarness {
    pub(crate) async fn start() -> Self {
        Self::configured(TrackingConfig::default()).await
    }

    pub(crate) async fn configured(config: TrackingConfig) -> Self {
        let journal = MemoryJournal::default();
        let clock = ManualClock::at(sample::at(0));
        let started = start_test_system(&journal, &clock, test_config()).await;
        let index = FakeTokenIndex {
            journal: journal.clone(),
            lookups: Arc::default(),
            is_unavailable: Arc::default(),
        };
        let (stopper, stop) = shutdown_signal();
        let parts = TrackingDependencies {
            payouts: started.payouts.clone(),
            index: Arc::new(index.clone()),
            routes: Arc::new(default_routes()),
            shutdown: stop,
            config,
        };
        // Merged with a router that has a fallback, like that of the partner API.
        let router = tracking_router(parts).merge(Router::new().fallback(|| async { "partners" }));
        let base = listen(router).await;
        Self {
            base,
            payouts: started.payouts.clone(),
            journal,
            clock,
            index,
            stopper,
            reports: AtomicU64::new(0),
            _started: started,
        }
    }

    /// Creates a payout from Ethereum to Tron.
    pub(crate) async fn create(&self, number: u64) -> NewPayout {
        self.create_with(number, |_| {}).await
    }

    pub(crate) async fn create_with(&self, number: u64, change: impl FnOnce(&mut Terms)) -> NewPayout {
        let mut payout = sample::payout(number);
        let mut terms = Terms::clone(&payout.terms);
        terms.recipient_gets = sample::amount("1250");
        terms.user_sends = sample::amount("1253.97");
        terms.fee_total.0 = sample::amount("3.97");
        change(&mut terms);
        payout.terms = Arc::new(terms);
        payout.created_at = self.clock.now();
        self.payouts.create(payout.clone(), None).await.unwrap();
        payout
    }

    /// Advances the clock and lets the payout become late if it is overdue.
    pub(crate) async fn advance(&self, seconds: u64, payout: &NewPayout) {
        self.clock.advance(Duration::from_secs(seconds));
        self.payouts.due_passed(payout.id).await.unwrap();
    }

    /// Applies a report of a chain watcher.
    pub(crate) async fn report(&self, payout: &NewPayout, kind: ReportKind) {
        let number = self.reports.fetch_add(1, Ordering::SeqCst);
        let key = ReportKey { source: "watcher/sample".into(), id: number.to_string().into() };
        let report = Report { key, time: self.clock.now(), kind };
        self.payouts.report(payout.id, payout.terms.mode, report, None).await.unwrap();
    }

    pub(crate) fn url(&self, payout: &NewPayout) -> String {
        format!("{}/track/{}", self.base, payout.tracking_token)
    }

    /// Requests the page in a language.
    pub(crate) async fn page(&self, payout: &NewPayout, language: &str) -> String {
        let request = reqwest::Client::new().get(self.url(payout)).header("accept-language", language);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        response.text().await.unwrap()
    }
}

/// Serves `router` on its own port until the end of the test. Returns the base URL.
pub(crate) async fn listen(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (_trigger, shutdown) = shutdown_signal();
        HttpServer::new(listener, router, ServerLimits::named("tracking")).run(shutdown).await
    });
    format!("http://{address}")
}

pub(crate) fn broadcast(network: &str, hash: &str) -> ReportKind {
    let transaction = Transaction { network: Network::new(network), tx_hash: TxHash::new(hash) };
    ReportKind::Broadcast(BroadcastReport { transaction, leg: None, estimated_seconds: None })
}

pub(crate) fn delivered(network: &str, hash: &str, amount: Option<Amount>) -> ReportKind {
    ReportKind::Delivered(DeliveredReport {
        transaction: Transaction { network: Network::new(network), tx_hash: TxHash::new(hash) },
        recipient_amount: amount,
        fees_paid_usd: None,
        confirmations: None,
    })
}

pub(crate) fn failed(message: &str, funds: FailedFunds, reversal: bool) -> ReportKind {
    ReportKind::Failed(FailedReport {
        code: "dropped".into(),
        message: message.into(),
        network: None,
        tx_hash: None,
        funds: Some(funds),
        reversal,
    })
}
