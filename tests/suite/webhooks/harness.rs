//! The webhook service and the dispatcher over a real store, without the rest of the program.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use payoutd::idempotency::no_record;
use payoutd::runtime::shutdown::{ShutdownTrigger, shutdown_signal};
use payoutd::store::{self, Store, StoreConfig};
use payoutd::webhooks::{
    Dispatcher, DispatcherLimits, DispatcherOptions, Endpoint, EndpointId, EventType, MaintenanceExited,
    NewEndpoint, Policy, Resolve, SigningSecret, SystemResolver, TlsTrust, Transport, TransportLimits,
    WebhookDelivery, WebhookService,
};
use payoutd::wire::Renderer;
use payoutd_actors::ports::{Append, Appended, Clock, Create, Created};
use payoutd_actors::testing::{ManualClock, sample};
use payoutd_domain::{
    Account, Cause, Change, Decision, Mode, NewPayout, OrgId, Payout, PayoutId, ReportKind, Terms, Timestamp,
    TrackingToken,
};
use time::OffsetDateTime;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::support::{database, eventually};

pub(super) const ALLOW_ALL: Policy = Policy { allow_insecure: true, allow_private_addresses: true };

pub(super) fn acme(mode: Mode) -> Account {
    Account { org: OrgId(Uuid::from_u64_pair(7, 7)), mode }
}

/// Returns a different number at each call.
pub(super) fn unique() -> u64 {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    COUNT.fetch_add(1, Ordering::Relaxed)
}

pub(super) struct WebhookHarness {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: ManualClock,
    pub(super) service: WebhookService,
    options: DispatcherOptions,
    dispatcher: Option<(ShutdownTrigger, JoinHandle<Result<(), MaintenanceExited>>)>,
    _directory: Option<tempfile::TempDir>,
}

pub(super) struct HarnessOptions {
    pub(super) policy: Policy,
    pub(super) resolver: Arc<dyn Resolve>,
    pub(super) trust: TlsTrust,
    pub(super) transport: TransportLimits,
    pub(super) dispatcher: DispatcherLimits,
}

impl Default for HarnessOptions {
    fn default() -> Self {
        Self {
            policy: ALLOW_ALL,
            resolver: Arc::new(SystemResolver),
            trust: TlsTrust::Only(rustls::RootCertStore::empty()),
            transport: TransportLimits::default(),
            dispatcher: DispatcherLimits {
                poll_interval: Duration::from_millis(25),
                ..DispatcherLimits::DEFAULT
            },
        }
    }
}

impl WebhookHarness {
    pub(super) async fn sqlite(options: HarnessOptions) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}/payoutd.sqlite", directory.path().display());
        Self::with_store(&url, Some(directory), options).await
    }

    pub(super) async fn postgres(options: HarnessOptions) -> Self {
        Self::with_store(&database().await, None, options).await
    }

    async fn with_store(url: &str, directory: Option<tempfile::TempDir>, options: HarnessOptions) -> Self {
        let renderer = Renderer::new("https://pay.example");
        let limits = StoreConfig { acquire_timeout: Duration::from_secs(20), ..StoreConfig::default() };
        let store = store::open(url, &limits, Arc::new(renderer.clone())).await.unwrap();
        store.migrate().await.unwrap();
        // Receivers check the timestamp, so the clock starts at the real time.
        let clock = ManualClock::at(OffsetDateTime::now_utc().try_into().unwrap());
        let transport =
            Transport::new(options.policy, options.resolver, options.trust, options.transport).unwrap();
        let (transport, wakeup) = (Arc::new(transport), Arc::new(Notify::new()));
        let service = WebhookService {
            store: Arc::clone(&store) as _,
            journal: Arc::clone(&store) as _,
            transport: Arc::clone(&transport),
            renderer: renderer.clone(),
            clock: Arc::new(clock.clone()),
            wakeup: Arc::clone(&wakeup),
        };
        let dispatcher_options = DispatcherOptions {
            store: Arc::clone(&store) as _,
            journal: Arc::clone(&store) as _,
            transport,
            renderer,
            clock: Arc::new(clock.clone()),
            wakeup,
            limits: options.dispatcher,
        };
        Self { store, clock, service, options: dispatcher_options, dispatcher: None, _directory: directory }
    }

    pub(super) fn start(&mut self) {
        let (trigger, shutdown) = shutdown_signal();
        let dispatcher = Dispatcher::new(self.options.clone());
        self.dispatcher = Some((trigger, tokio::spawn(dispatcher.run(shutdown))));
    }

    /// Shuts the dispatcher down.
    pub(super) async fn stop(&mut self) {
        let (trigger, task) = self.dispatcher.take().unwrap();
        trigger.request();
        task.await.unwrap().unwrap();
    }

    /// Aborts the dispatcher, as a crash does.
    pub(super) fn kill(&mut self) {
        self.dispatcher.take().unwrap().1.abort();
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Creates an endpoint of acme that subscribes to all event types.
    pub(super) async fn endpoint(&self, mode: Mode, url: &str) -> Endpoint {
        let new = NewEndpoint {
            url: url.to_owned(),
            types: Some(EventType::ALL.to_vec()),
            description: String::new(),
        };
        self.service.create(acme(mode), new, &no_record).await.unwrap()
    }

    /// Inserts an endpoint without the checks of the service.
    pub(super) async fn endpoint_unchecked(&self, mode: Mode, url: &str) -> Endpoint {
        let Account { org, mode } = acme(mode);
        let endpoint = Endpoint {
            id: EndpointId(Uuid::now_v7()),
            org,
            mode,
            url: url.to_owned(),
            description: String::new(),
            types: EventType::DEFAULT.to_vec(),
            secret: SigningSecret::generate().unwrap(),
            previous_secret: None,
            created_at: self.now(),
            disabled: None,
            failing_since: None,
        };
        assert!(self.store.insert_endpoint(&endpoint, u32::MAX, None).await.unwrap());
        endpoint
    }

    pub(super) async fn find(&self, id: EndpointId) -> Endpoint {
        self.store.endpoint(id).await.unwrap().unwrap()
    }

    /// An endpoint's deliveries, oldest first.
    pub(super) async fn deliveries(&self, id: EndpointId) -> Vec<WebhookDelivery> {
        let mut found = self.store.deliveries(id, None, 10_000).await.unwrap();
        found.reverse();
        found
    }

    /// Waits until an endpoint's deliveries satisfy `holds`.
    pub(super) async fn until(
        &self,
        id: EndpointId,
        what: &str,
        holds: impl Fn(&[WebhookDelivery]) -> bool,
    ) -> Vec<WebhookDelivery> {
        eventually(what, async || Some(self.deliveries(id).await).filter(|found| holds(found))).await
    }

    /// Creates a payout of acme.
    pub(super) async fn payout(&self, mode: Mode, external_ref: &str) -> Payout {
        let terms = Terms {
            org: acme(mode).org,
            mode,
            quote_id: format!("quo_{}", unique()).parse().unwrap(),
            external_ref: external_ref.into(),
            ..Terms::clone(&sample::payout(1).terms)
        };
        let new = Arc::new(NewPayout {
            id: PayoutId(Uuid::now_v7()),
            tracking_token: TrackingToken(Uuid::now_v7()),
            created_at: self.now(),
            terms: Arc::new(terms),
        });
        let payout = Payout::new(Arc::clone(&new));
        let change = Change::creation(Arc::clone(&new));
        let create = Create { payout: new, change, record: None, traceparent: None };
        assert_eq!(self.store.create(&[create]).await.unwrap(), [Created::Inserted]);
        payout
    }

    /// Commits the changes of a report and wakes the dispatcher.
    pub(super) async fn report(&self, payout: &mut Payout, kind: ReportKind) {
        assert!(self.try_report(payout, kind).await);
    }

    pub(super) async fn try_report(&self, payout: &mut Payout, kind: ReportKind) -> bool {
        let mut report = sample::report(&unique().to_string(), 0, kind);
        report.time = self.now();
        let decision = payout.decide(&report, self.now());
        self.commit(payout, Cause::Report(report), decision).await
    }

    pub(super) async fn late(&self, payout: &mut Payout) {
        self.clock.advance(Duration::from_secs(24 * 60 * 60));
        let event = payout.decide_due(self.now()).unwrap();
        assert!(self.commit(payout, Cause::DuePassed, Decision::Apply(vec![event])).await);
    }

    async fn commit(&self, payout: &mut Payout, cause: Cause, decision: Decision) -> bool {
        let expected = payout.snapshot().version;
        let entry = Arc::new(payout.entry(cause, decision, self.now()));
        let changes = payout.apply(&entry).unwrap();
        let append =
            Append { expected, entry, after: Arc::new(payout.snapshot()), changes, traceparent: None };
        let committed = self.store.append(&[append]).await.unwrap() == [Appended::Committed];
        self.options.wakeup.notify_one();
        committed
    }

    /// Creates a payout and delivers it. Its webhooks have the sequences 2 and 3.
    pub(super) async fn delivered(&self, mode: Mode, external_ref: &str) -> Payout {
        let mut payout = self.payout(mode, external_ref).await;
        self.report(&mut payout, sample::broadcast("aa", None)).await;
        self.report(&mut payout, sample::delivered("aa")).await;
        payout
    }
}
