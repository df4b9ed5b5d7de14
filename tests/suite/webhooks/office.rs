//! Everything about webhooks over a real store, without the rest of the program.

use payoutd::idempotency::unkept;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use payoutd::runtime::shutdown::{ShutdownTrigger, shutdown_signal};
use payoutd::store::{self, Store, StoreConfig};
use payoutd::webhooks::{
    Delivery, Endpoint, EndpointId, EventType, NewEndpoint, Owner, Policy, Resolve, Sender, SenderLimits,
    SenderParts, SigningSecret, SystemResolver, TlsTrust, Transport, TransportLimits, WebhookService,
};
use payoutd::wire::Renderer;
use payoutd_actors::ports::{Append, Appended, Clock, Create, Created};
use payoutd_actors::testing::{ManualClock, sample};
use payoutd_domain::{
    Cause, Change, Decision, Mode, NewPayout, OrgId, Payout, PayoutId, ReportKind, Terms, Timestamp,
    TrackingToken,
};
use time::OffsetDateTime;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::support::{database, eventually};

pub(super) const LAX: Policy = Policy { allow_insecure: true, allow_private_addresses: true };

pub(super) fn acme(mode: Mode) -> Owner {
    Owner { org: OrgId(Uuid::from_u64_pair(7, 7)), mode }
}

/// A number no other call gave.
pub(super) fn unique() -> u64 {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    COUNT.fetch_add(1, Ordering::Relaxed)
}

pub(super) struct Office {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: ManualClock,
    pub(super) desk: WebhookService,
    parts: SenderParts,
    sender: Option<(ShutdownTrigger, JoinHandle<()>)>,
    _file: Option<tempfile::TempDir>,
}

/// What differs from test to test.
pub(super) struct Setup {
    pub(super) policy: Policy,
    pub(super) resolver: Arc<dyn Resolve>,
    pub(super) trust: TlsTrust,
    pub(super) transport: TransportLimits,
    pub(super) sender: SenderLimits,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            policy: LAX,
            resolver: Arc::new(SystemResolver),
            trust: TlsTrust::Only(rustls::RootCertStore::empty()),
            transport: TransportLimits::default(),
            sender: SenderLimits { poll: Duration::from_millis(25), ..SenderLimits::DEFAULT },
        }
    }
}

impl Office {
    pub(super) async fn sqlite(setup: Setup) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}/payoutd.sqlite", folder.path().display());
        Self::over(&url, Some(folder), setup).await
    }

    pub(super) async fn postgres(setup: Setup) -> Self {
        Self::over(&database().await, None, setup).await
    }

    async fn over(url: &str, file: Option<tempfile::TempDir>, setup: Setup) -> Self {
        let renderer = Renderer::new("https://pay.example");
        let limits = StoreConfig { acquire_timeout: Duration::from_secs(20), ..StoreConfig::default() };
        let store = store::open(url, &limits, renderer.clone()).await.unwrap();
        store.migrate().await.unwrap();
        // Receivers check the time, so it is the real one to begin with.
        let clock = ManualClock::at(OffsetDateTime::now_utc().try_into().unwrap());
        let transport = Transport::new(setup.policy, setup.resolver, setup.trust, setup.transport).unwrap();
        let (transport, hint) = (Arc::new(transport), Arc::new(Notify::new()));
        let desk = WebhookService {
            store: Arc::clone(&store) as _,
            journal: Arc::clone(&store) as _,
            transport: Arc::clone(&transport),
            renderer: renderer.clone(),
            clock: Arc::new(clock.clone()),
            hint: Arc::clone(&hint),
        };
        let parts = SenderParts {
            store: Arc::clone(&store) as _,
            journal: Arc::clone(&store) as _,
            transport,
            renderer,
            clock: Arc::new(clock.clone()),
            hint,
            limits: setup.sender,
        };
        Self { store, clock, desk, parts, sender: None, _file: file }
    }

    pub(super) fn start(&mut self) {
        let (stopper, stop) = shutdown_signal();
        let sender = Sender::new(self.parts.clone());
        self.sender = Some((stopper, tokio::spawn(sender.run(stop))));
    }

    /// Stops in order.
    pub(super) async fn stop(&mut self) {
        let (stopper, task) = self.sender.take().unwrap();
        stopper.request();
        task.await.unwrap();
    }

    /// Stops as a power failure does.
    pub(super) fn kill(&mut self) {
        self.sender.take().unwrap().1.abort();
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// An endpoint of acme's for payouts of `mode`, told of everything.
    pub(super) async fn endpoint(&self, mode: Mode, url: &str) -> Endpoint {
        let new = NewEndpoint {
            url: url.to_owned(),
            types: Some(EventType::ALL.to_vec()),
            description: String::new(),
        };
        self.desk.create(acme(mode), new, &unkept).await.unwrap()
    }

    /// Past every limit.
    pub(super) async fn endpoint_unchecked(&self, mode: Mode, url: &str) -> Endpoint {
        let Owner { org, mode } = acme(mode);
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
    pub(super) async fn deliveries(&self, id: EndpointId) -> Vec<Delivery> {
        let mut found = self.store.deliveries(id, None, 10_000).await.unwrap();
        found.reverse();
        found
    }

    /// Waits until an endpoint's deliveries are as they should be.
    pub(super) async fn until(
        &self,
        id: EndpointId,
        what: &str,
        holds: impl Fn(&[Delivery]) -> bool,
    ) -> Vec<Delivery> {
        eventually(what, async || Some(self.deliveries(id).await).filter(|found| holds(found))).await
    }

    /// A new payout of acme's.
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
        let create = Create { payout: new, change, answer: None, traceparent: None };
        assert_eq!(self.store.create(&[create]).await.unwrap(), [Created::Inserted]);
        payout
    }

    /// Commits what a report does to a payout, and hints the sender.
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
        self.parts.hint.notify_one();
        committed
    }

    /// A payout that was broadcast and delivered: sequences 2 and 3.
    pub(super) async fn delivered(&self, mode: Mode, external_ref: &str) -> Payout {
        let mut payout = self.payout(mode, external_ref).await;
        self.report(&mut payout, sample::broadcast("aa", None)).await;
        self.report(&mut payout, sample::delivered("aa")).await;
        payout
    }
}
