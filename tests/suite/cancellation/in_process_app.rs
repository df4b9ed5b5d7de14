//! The fixture of the cancellation tests: all components over a real database in this process, without listeners and
//! background services, which the tests run themselves.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use payoutd::api_keys::{ApiKey, KeyDigest};
use payoutd::config::Config;
use payoutd::http::{
    ApiConfig, ApiDependencies, Authenticator, KeyCacheConfig, LongPollConfig, LongPollLimit, RateLimits,
    RateLimitsConfig, api_router,
};
use payoutd::idempotency::Idempotency;
use payoutd::quotes::{QuoteService, Routes, Signer, SigningKey};
use payoutd::reports::{self, ReportIntakeConfig};
use payoutd::runtime::shutdown::{Shutdown, ShutdownTrigger, shutdown_signal};
use payoutd::store::Store;
use payoutd::webhooks::{Policy, SystemResolver, TlsTrust, Transport, TransportLimits, WebhookService};
use payoutd_actors::group_commit::GroupCommitConfig;
use payoutd_actors::handle::PayoutsHandle;
use payoutd_actors::ports::Clock;
use payoutd_actors::system::{self, ActorSystem, ActorSystemConfig};
use payoutd_actors::testing::{ManualClock, sample, test_config};
use payoutd_domain::{Mode, OrgId, Payout, PayoutId, Report, Status};
use uuid::Uuid;

use super::requests::{Reply, get, send};
use crate::store::samples::unique;
use crate::store::test_store::{TestStore, renderer};

/// The keys of the one partner.
const LIVE: &str = "sk_live_0123456789abcdef";
const TEST: &str = "sk_test_0123456789abcdef";

pub(super) fn key_of(mode: Mode) -> &'static str {
    match mode {
        Mode::Live => LIVE,
        Mode::Test => TEST,
    }
}

pub(super) struct InProcessApp {
    pub(super) database: TestStore,
    pub(super) clock: ManualClock,
    pub(super) payouts: PayoutsHandle,
    pub(super) org: OrgId,
    signer: Signer,
    routes: Arc<Routes>,
    transport: Arc<Transport>,
    shutdown: Shutdown,
    _shutdown_trigger: ShutdownTrigger,
    _actors: ActorSystem,
}

impl InProcessApp {
    pub(super) async fn postgres() -> Self {
        Self::on(TestStore::postgres().await).await
    }

    pub(super) async fn sqlite() -> Self {
        Self::on(TestStore::sqlite().await).await
    }

    async fn on(database: TestStore) -> Self {
        let clock = ManualClock::at(sample::at(0));
        let org = database.store.find_or_create_org("acme", clock.now()).await.unwrap();
        for mode in [Mode::Live, Mode::Test] {
            let digest = KeyDigest::of(key_of(mode));
            let (id, hint, created_at) = (Uuid::now_v7(), "cdef".into(), clock.now());
            let key =
                ApiKey { id, org, org_name: "acme".into(), mode, digest, hint, created_at, expires_at: None };
            database.store.insert_key(&key).await.unwrap();
        }
        let config = ActorSystemConfig {
            supervisor: test_config(),
            group_commit: GroupCommitConfig { max_in_flight: 2, max_batch: 64 },
        };
        let (journal, time) = (Arc::clone(&database.store) as _, Arc::new(clock.clone()));
        let actors = system::start(journal, time, config).await.unwrap();
        let routes = Config::from_environment([]).unwrap().routes;
        let transport = Transport::new(
            Policy { allow_insecure: true, allow_private_addresses: true },
            Arc::new(SystemResolver),
            TlsTrust::Only(rustls::RootCertStore::empty()),
            TransportLimits::default(),
        );
        let (shutdown_trigger, shutdown) = shutdown_signal();
        Self {
            database,
            clock,
            payouts: actors.payouts().clone(),
            org,
            signer: Signer::new(SigningKey::new(b"0123456789abcdef").unwrap()),
            routes: Arc::new(Routes::try_from(&routes).unwrap()),
            transport: Arc::new(transport.unwrap()),
            shutdown,
            _shutdown_trigger: shutdown_trigger,
            _actors: actors,
        }
    }

    pub(super) fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.database.store)
    }

    fn time(&self) -> Arc<dyn Clock> {
        Arc::new(self.clock.clone())
    }

    pub(super) fn quotes(&self) -> QuoteService {
        let (store, ttl_seconds) = (self.store() as _, 60);
        QuoteService::new(self.signer.clone(), Arc::clone(&self.routes), store, self.time(), ttl_seconds)
    }

    pub(super) fn intake(&self) -> reports::ReportIntake {
        reports::ReportIntake::new(self.payouts.clone(), self.store() as _, ReportIntakeConfig::default())
    }

    /// A new partner API, whose caches are empty. It permits one long poll or stream at a time.
    pub(super) fn router(&self) -> Router {
        let long_polls = LongPollConfig { max_held: 1, max_held_per_key: 1, ..LongPollConfig::default() };
        api_router(ApiDependencies {
            payouts: self.payouts.clone(),
            quotes: Arc::new(self.quotes()),
            quote_usage: self.store() as _,
            authenticator: Authenticator::new(self.store() as _, self.time(), KeyCacheConfig::default()),
            rate_limits: RateLimits::new(RateLimitsConfig::default()),
            idempotency: Idempotency::new(self.store() as _, Duration::from_secs(24 * 60 * 60)),
            renderer: renderer(),
            payout_query: self.store() as _,
            cursor_signer: self.signer.clone(),
            long_polls: LongPollLimit::new(long_polls, self.shutdown.clone()),
            webhooks: Arc::new(WebhookService {
                store: self.store() as _,
                journal: self.store() as _,
                transport: Arc::clone(&self.transport),
                renderer: renderer(),
                clock: self.time(),
                wakeup: Arc::default(),
            }),
            config: ApiConfig::default(),
        })
    }

    /// The payout of the database: its row and its replayed journal.
    pub(super) async fn recorded(&self, id: PayoutId) -> Payout {
        let loaded = self.database.store.load(&[id]).await.unwrap().remove(0);
        loaded.expect("the payout exists").replay().expect("the journal is valid")
    }

    /// Polls a payout, and asserts that the response equals the database.
    pub(super) async fn poll(&self, id: PayoutId) -> Reply {
        let recorded = self.recorded(id).await;
        let mode = recorded.created().terms.mode;
        let reply = send(self.router(), get(&format!("/payouts/{id}"), mode)).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        let snapshot = recorded.snapshot();
        assert_eq!(reply.json()["status"], snapshot.status().as_str());
        assert_eq!(reply.json()["sequence"], snapshot.sequence.0);
        reply
    }

    /// Asserts that the outbox has one message for each change of the payout.
    pub(super) async fn assert_in_outbox(&self, id: PayoutId) {
        let sequence = self.recorded(id).await.snapshot().sequence.0;
        let (table, id) = ("FROM outbox WHERE payout_id =", self.database.id(id));
        for number in ["count(*)", "count(DISTINCT sequence)", "max(sequence)"] {
            let query = format!("SELECT {number} {table} {id}");
            assert_eq!(self.database.query_number(&query).await, sequence, "{number}");
        }
    }

    /// Reports the delivery of a payout, and asserts that the payout is delivered.
    pub(super) async fn assert_can_complete(&self, id: PayoutId) {
        let before = self.recorded(id).await.snapshot();
        let mode = before.payout.terms.mode;
        let mut sequence = before.sequence.0;
        if before.status() == Status::Pending {
            self.payouts.report(id, mode, broadcast(), None).await.unwrap();
            sequence += 1;
        }
        let receipt = self.payouts.report(id, mode, delivered(), None).await.unwrap();
        assert_eq!(receipt.sequence.0, sequence + 1);
        let reply = self.poll(id).await;
        assert_eq!(reply.json()["status"], "delivered", "{reply:?}");
        let entries = reply.json()["timeline"].as_array().unwrap().len();
        assert_eq!(entries, 3, "pending, broadcast, delivered: {reply:?}");
        self.assert_in_outbox(id).await;
    }
}

/// A broadcast report with a unique id.
pub(super) fn broadcast() -> Report {
    sample::report(&unique().to_string(), 5, sample::broadcast("0xa", None))
}

/// A delivery report with a unique id.
pub(super) fn delivered() -> Report {
    sample::report(&unique().to_string(), 6, sample::delivered("0xb"))
}
