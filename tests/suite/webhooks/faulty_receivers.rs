//! Faulty and malicious receivers must not delay a healthy one, and no URL leads to a private address.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use payoutd::webhooks::{AttemptError, EndpointId, Resolve, TlsTrust, TransportLimits, WebhookDelivery};
use payoutd_actors::testing::sample;
use payoutd_domain::Mode;
use tokio::net::TcpListener;

use super::faulty_receiver::{self, FaultyReceiver};
use super::harness::{HarnessOptions, WebhookHarness};
use super::receiver::Receiver;
use crate::support::eventually;

const DEADLINE: Duration = Duration::from_secs(2);

/// Resolves every name to localhost, except for names that do not exist, have no address or never resolve.
struct LocalResolver;

#[async_trait]
impl Resolve for LocalResolver {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        match name {
            "nowhere.example" => Err(io::Error::other("no such name")),
            "empty.example" => Ok(Vec::new()),
            "never.example" => std::future::pending().await,
            _ => Ok(vec!["127.0.0.1".parse().unwrap()]),
        }
    }
}

/// Whether the first logged attempt has one of the expected statuses or errors.
fn is_expected(receiver: &FaultyReceiver, delivery: &WebhookDelivery) -> bool {
    delivery.log.first().is_some_and(|attempt| {
        receiver.expected.iter().any(|expected| match expected {
            Ok(status) => attempt.status == Some(*status),
            Err(error) => attempt.error == Some(*error),
        })
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faulty_receivers_do_not_delay_a_healthy_one() {
    let authority = faulty_receiver::Authority::new();
    let canary_hits = Arc::new(AtomicUsize::new(0));
    let canary = canary(Arc::clone(&canary_hits)).await;
    let receivers = faulty_receiver::start_all(&authority, canary).await;
    assert!(receivers.len() >= 30, "{}", receivers.len());
    let mut harness = WebhookHarness::sqlite(HarnessOptions {
        resolver: Arc::new(LocalResolver),
        trust: TlsTrust::Only(authority.roots()),
        transport: TransportLimits { deadline: DEADLINE, ..TransportLimits::default() },
        ..HarnessOptions::default()
    })
    .await;
    let mut ids: HashMap<EndpointId, &FaultyReceiver> = HashMap::new();
    for receiver in &receivers {
        ids.insert(harness.endpoint_unchecked(Mode::Live, &receiver.url).await.id, receiver);
    }
    let healthy = Receiver::start().await;
    let endpoint = harness.endpoint_unchecked(Mode::Live, &healthy.url).await;
    harness.start();

    let mut committed = HashMap::new();
    for number in 0..15 {
        let mut payout = harness.payout(Mode::Live, &format!("order-{number}")).await;
        let id = payout.snapshot().payout.id.to_string();
        for (sequence, kind) in [(2, sample::broadcast("aa", None)), (3, sample::delivered("aa"))] {
            committed.insert((id.clone(), sequence), Instant::now());
            harness.report(&mut payout, kind).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    eventually("the healthy receiver has every change", async || {
        (healthy.received().len() == committed.len()).then_some(())
    })
    .await;
    let delays =
        healthy.received().into_iter().map(|r| r.at - committed[&(r.payout().to_owned(), r.sequence())]);
    let slowest = delays.max().unwrap();
    assert!(slowest < DEADLINE, "the healthy receiver waited {slowest:?}");
    assert!(harness.find(endpoint.id).await.failing_since.is_none());

    for (id, receiver) in &ids {
        let all = harness
            .until(*id, receiver.name, |all| all.iter().any(|delivery| !delivery.log.is_empty()))
            .await;
        let attempted = all.iter().find(|delivery| !delivery.log.is_empty()).unwrap();
        assert!(is_expected(receiver, attempted), "{}: {:?}", receiver.name, attempted.log);
        for attempt in all.iter().flat_map(|delivery| &delivery.log) {
            let took = Duration::from_millis(attempt.duration_ms);
            assert!(took < DEADLINE + Duration::from_secs(2), "{}: {took:?}", receiver.name);
            assert!(attempt.answer.len() <= 4096, "{}", receiver.name);
        }
        let is_gone = receiver.expected.contains(&Ok(410));
        assert_eq!(harness.find(*id).await.disabled.is_some(), is_gone, "{}", receiver.name);
    }
    assert_eq!(canary_hits.load(Ordering::SeqCst), 0, "a redirect was followed");
    let shutdown_began = Instant::now();
    harness.stop().await;
    assert!(shutdown_began.elapsed() < DEADLINE * 3, "shutdown took {:?}", shutdown_began.elapsed());
}

/// The target of redirects and private addresses. No request may reach it.
async fn canary(hits: Arc<AtomicUsize>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            hits.fetch_add(1, Ordering::SeqCst);
        }
    });
    format!("http://{address}/")
}

/// Resolves a name to a public address first and to a private one later (DNS rebinding).
struct Rebinding(AtomicUsize);

#[async_trait]
impl Resolve for Rebinding {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let localhost = "127.0.0.1".parse().unwrap();
        let public: IpAddr = "2606:4700::1".parse().unwrap();
        Ok(match (name, self.0.fetch_add(1, Ordering::SeqCst)) {
            ("rebinding.example", 0) => vec![public],
            ("mixed.example", _) => vec![localhost, "10.0.0.1".parse().unwrap(), "::1".parse().unwrap()],
            ("mapped.example", _) => vec!["::ffff:127.0.0.1".parse().unwrap()],
            ("metadata.example", _) => vec!["169.254.169.254".parse().unwrap()],
            _ => vec![localhost],
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_host_name_and_no_spelling_leads_to_a_private_address() {
    let hits = Arc::new(AtomicUsize::new(0));
    let canary = canary(Arc::clone(&hits)).await;
    let port = canary.trim_end_matches('/').rsplit(':').next().unwrap().to_owned();
    let harness = WebhookHarness::sqlite(HarnessOptions {
        policy: payoutd::webhooks::Policy::default(),
        resolver: Arc::new(Rebinding(AtomicUsize::new(0))),
        transport: TransportLimits { deadline: DEADLINE, ..TransportLimits::default() },
        ..HarnessOptions::default()
    })
    .await;
    let account = super::harness::acme(Mode::Live);
    let rebinding =
        harness.endpoint_unchecked(Mode::Live, &format!("https://rebinding.example:{port}/")).await;
    let first = harness.service.test(account, rebinding.id).await.unwrap().attempt;
    assert!(
        matches!(
            first.error,
            Some(AttemptError::ConnectionFailed | AttemptError::TimedOut | AttemptError::TlsFailed)
        ),
        "the public address was tried: {first:?}"
    );
    for name in ["rebinding", "mixed", "mapped", "metadata", "home"] {
        let url = format!("https://{name}.example:{port}/");
        let endpoint = harness.endpoint_unchecked(Mode::Live, &url).await;
        let attempt = harness.service.test(account, endpoint.id).await.unwrap().attempt;
        assert_eq!(attempt.error, Some(AttemptError::AddressRefused), "{name}: {attempt:?}");
    }
    // Rows that were inserted under a laxer policy: IP addresses in every spelling.
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0x7f000001",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "localhost",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "0.0.0.0",
        "[::]",
        "[64:ff9b::7f00:1]",
    ] {
        let endpoint = harness.endpoint_unchecked(Mode::Live, &format!("https://{host}:{port}/")).await;
        let attempt = harness.service.test(account, endpoint.id).await.unwrap().attempt;
        assert_eq!(attempt.error, Some(AttemptError::UrlRefused), "{host}: {attempt:?}");
    }
    let plain = harness.endpoint_unchecked(Mode::Live, &canary).await;
    let attempt = harness.service.test(account, plain.id).await.unwrap().attempt;
    assert_eq!(attempt.error, Some(AttemptError::UrlRefused));
    assert_eq!(hits.load(Ordering::SeqCst), 0, "a request reached localhost");
}
