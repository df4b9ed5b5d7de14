use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::{get, post};
use payoutd_actors::testing::{Call, Fault, Gate};
use payoutd_domain::Mode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::test_app::{LIVE, TestApp, acme};
use crate::http::{HttpServer, ServerLimits};
use crate::runtime::shutdown::{ShutdownTrigger, shutdown_signal};

struct Server {
    address: SocketAddr,
    shutdown_trigger: ShutdownTrigger,
    running: JoinHandle<std::io::Result<()>>,
}

impl Server {
    async fn start(router: Router, limits: ServerLimits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (shutdown_trigger, shutdown) = shutdown_signal();
        let running = tokio::spawn(HttpServer::new(listener, router, limits).run(shutdown));
        Self { address, shutdown_trigger, running }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn stop(self) -> Duration {
        let started_at = Instant::now();
        self.shutdown_trigger.request();
        timeout(Duration::from_secs(10), self.running).await.unwrap().unwrap().unwrap();
        started_at.elapsed()
    }
}

fn limits() -> ServerLimits {
    ServerLimits {
        max_connections: 8,
        header_read: Duration::from_millis(200),
        idle: Duration::from_millis(600),
        write_stall: Duration::from_millis(300),
        drain: Duration::from_secs(2),
        ..ServerLimits::named("test")
    }
}

fn routes() -> Router {
    let slow = || async {
        sleep(Duration::from_millis(400)).await;
        "slow"
    };
    Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/slow", get(slow))
        .route("/never", get(|| async { sleep(Duration::from_secs(60)).await }))
        .route("/large", get(|| async { "x".repeat(16 * 1024 * 1024) }))
        .route("/echo", post(|body: String| async { body }))
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";

/// Reads until the output contains `text`, and returns the output.
async fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let mut seen = Vec::new();
    let reading = async {
        while !String::from_utf8_lossy(&seen).contains(text) {
            let read = stream.read_buf(&mut seen).await.unwrap();
            assert!(read > 0, "closed after {:?}", String::from_utf8_lossy(&seen));
        }
    };
    timeout(Duration::from_secs(5), reading).await.unwrap();
    String::from_utf8_lossy(&seen).into_owned()
}

/// The time until the server closes the connection, and its output until then.
async fn until_closed(stream: &mut TcpStream) -> (Duration, String) {
    let started_at = Instant::now();
    let mut seen = Vec::new();
    // A reset also ends the connection.
    let _ = timeout(Duration::from_secs(5), stream.read_to_end(&mut seen)).await.unwrap();
    (started_at.elapsed(), String::from_utf8_lossy(&seen).into_owned())
}

#[tokio::test]
async fn a_connection_is_kept_alive_and_closed_when_idle() {
    let server = Server::start(routes(), limits()).await;
    let mut stream = server.connect().await;
    for _ in 0..3 {
        stream.write_all(GET).await.unwrap();
        read_until(&mut stream, "hello").await;
        // Longer than the head deadline, which does not run between requests.
        sleep(Duration::from_millis(300)).await;
    }
    let (open, output) = until_closed(&mut stream).await;
    assert!((200..2_500).contains(&open.as_millis()), "{open:?}");
    assert_eq!(output, "");
    server.stop().await;
}

#[tokio::test]
async fn a_connection_with_a_slow_head_is_closed_even_if_bytes_keep_arriving() {
    let server = Server::start(routes(), limits()).await;
    let mut silent = server.connect().await;
    let (open, _) = until_closed(&mut silent).await;
    assert!((150..2_500).contains(&open.as_millis()), "{open:?}");

    for first in [true, false] {
        let stream = server.connect().await;
        let (mut reading, mut writing) = stream.into_split();
        if !first {
            writing.write_all(GET).await.unwrap();
            let mut response = [0; 256];
            assert!(reading.read(&mut response).await.unwrap() > 0);
        }
        let started_at = Instant::now();
        let trickle = tokio::spawn(async move {
            for byte in b"GET / HTTP/1.1\r\nx-slow: ".iter().chain(std::iter::repeat_n(&b'a', 200)) {
                if writing.write_all(&[*byte]).await.is_err() {
                    break;
                }
                sleep(Duration::from_millis(20)).await;
            }
        });
        let mut rest = Vec::new();
        let _ = timeout(Duration::from_secs(3), reading.read_to_end(&mut rest)).await.unwrap();
        let open = started_at.elapsed();
        assert!((150..2_500).contains(&open.as_millis()), "{first}: {open:?}");
        trickle.abort();
    }
    server.stop().await;
}

#[tokio::test]
async fn the_head_deadline_does_not_apply_to_handlers_and_bodies() {
    let server = Server::start(routes(), limits()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    read_until(&mut stream, "slow").await;
    stream.write_all(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n").await.unwrap();
    for byte in b"abcde" {
        sleep(Duration::from_millis(100)).await;
        stream.write_all(&[*byte]).await.unwrap();
    }
    read_until(&mut stream, "abcde").await;
    server.stop().await;
}

#[tokio::test]
async fn a_connection_whose_client_does_not_read_is_closed() {
    let server = Server::start(routes(), limits()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    sleep(Duration::from_millis(900)).await;
    let mut seen = Vec::new();
    let _ = timeout(Duration::from_secs(5), stream.read_to_end(&mut seen)).await.unwrap();
    assert!(seen.len() < 16 * 1024 * 1024, "the whole response was sent");
    server.stop().await;
}

#[tokio::test]
async fn connections_over_the_limit_wait_for_a_free_slot() {
    let server = Server::start(routes(), ServerLimits { max_connections: 2, ..limits() }).await;
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut stream = server.connect().await;
        stream.write_all(GET).await.unwrap();
        read_until(&mut stream, "hello").await;
        open.push(stream);
    }
    let mut third = server.connect().await;
    third.write_all(GET).await.unwrap();
    let mut byte = [0; 1];
    assert!(
        timeout(Duration::from_millis(150), third.read(&mut byte)).await.is_err(),
        "a connection over the limit is served"
    );
    open.pop();
    read_until(&mut third, "hello").await;
    server.stop().await;
}

#[tokio::test]
async fn draining_completes_open_requests_and_accepts_no_connections() {
    let server = Server::start(routes(), limits()).await;
    let address = server.address;
    let mut idle = server.connect().await;
    idle.write_all(GET).await.unwrap();
    read_until(&mut idle, "hello").await;
    let fresh = server.connect().await;
    let mut busy = server.connect().await;
    busy.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    sleep(Duration::from_millis(50)).await;

    let stopping = tokio::spawn(server.stop());
    let response = read_until(&mut busy, "slow").await;
    assert!(response.contains("connection: close"), "{response}");
    assert!(until_closed(&mut idle).await.0 < Duration::from_millis(500));
    drop(fresh);
    assert!(TcpStream::connect(address).await.is_err());
    assert!(
        stopping.await.unwrap() < Duration::from_millis(1_900),
        "draining ends when the open requests have ended"
    );
}

#[tokio::test]
async fn draining_ends_at_the_drain_time() {
    let limits = ServerLimits { drain: Duration::from_millis(200), ..limits() };
    let server = Server::start(routes(), limits).await;
    let mut stuck = server.connect().await;
    stuck.write_all(b"GET /never HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    sleep(Duration::from_millis(50)).await;
    let elapsed = server.stop().await;
    assert!((150..3_000).contains(&elapsed.as_millis()), "{elapsed:?}");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_answered_over_a_socket() {
    let app = TestApp::new().await;
    let server = Server::start(app.router.clone(), limits()).await;
    let head = format!(
        "POST /payouts HTTP/1.1\r\nhost: x\r\nauthorization: {LIVE}\r\ncontent-type: application/json\r\n"
    );
    let mut counted = server.connect().await;
    counted.write_all(format!("{head}content-length: 300000\r\n\r\n").as_bytes()).await.unwrap();
    counted.write_all(&vec![b' '; 300_000]).await.unwrap();
    let response = read_until(&mut counted, "payload_too_large").await;
    assert!(response.starts_with("HTTP/1.1 413"), "{response}");
    // The server has read the whole body, so the connection can be reused.
    counted.write_all(GET).await.unwrap();
    read_until(&mut counted, "not_found").await;

    let mut chunked = server.connect().await;
    chunked.write_all(format!("{head}transfer-encoding: chunked\r\n\r\n").as_bytes()).await.unwrap();
    for _ in 0..20 {
        chunked.write_all(b"400\r\n").await.unwrap();
        chunked.write_all(&[b' '; 1024]).await.unwrap();
        chunked.write_all(b"\r\n").await.unwrap();
    }
    chunked.write_all(b"0\r\n\r\n").await.unwrap();
    assert!(read_until(&mut chunked, "payload_too_large").await.starts_with("HTTP/1.1 413"));

    let mut polite = server.connect().await;
    let expecting = format!("{head}expect: 100-continue\r\ncontent-length: 300000\r\n\r\n");
    polite.write_all(expecting.as_bytes()).await.unwrap();
    let response = read_until(&mut polite, "payload_too_large").await;
    assert!(response.starts_with("HTTP/1.1 413"), "{response}");
    server.stop().await;
}

#[tokio::test]
async fn a_panic_in_a_handler_is_answered_and_the_connection_stays_open() {
    let app = TestApp::new().await;
    let server = Server::start(app.router.clone(), limits()).await;
    let mut stream = server.connect().await;
    let body = r#"{"quote_id":"panic"}"#;
    let request = format!(
        "POST /payouts HTTP/1.1\r\nhost: x\r\nauthorization: {LIVE}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let response = read_until(&mut stream, "\"unavailable\"").await;
    assert!(response.starts_with("HTTP/1.1 503") && response.contains("retry-after: 1"), "{response}");
    stream.write_all(GET).await.unwrap();
    read_until(&mut stream, "not_found").await;
    server.stop().await;
}

#[tokio::test]
async fn a_payout_is_created_although_its_client_disconnects() {
    let app = TestApp::new().await;
    let server = Server::start(app.router.clone(), limits()).await;
    let quote_id = app.insert_quote(1, acme(), Mode::Live);
    let gate = Gate::closed();
    app.journal.faults().once(Call::Create, None, Fault::HangBefore(gate.clone()));
    let body = format!(r#"{{"quote_id":"{quote_id}"}}"#);
    let request = format!(
        "POST /payouts HTTP/1.1\r\nhost: x\r\nauthorization: {LIVE}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = server.connect().await;
    stream.write_all(request.as_bytes()).await.unwrap();
    let asked = async {
        while app.journal.counts().creates == 0 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(5), asked).await.unwrap();
    drop(stream);
    server.stop().await;
    assert!(app.journal.ids().is_empty());
    gate.open();
    app.create(LIVE, &quote_id).await.assert_problem(409, "quote_already_used");
}

#[tokio::test]
async fn a_body_that_ends_early_is_answered_with_408() {
    let app = TestApp::new().await;
    let server = Server::start(app.router.clone(), limits()).await;
    let head = format!(
        "POST /payouts HTTP/1.1\r\nhost: x\r\nauthorization: {LIVE}\r\ncontent-type: application/json\r\n"
    );
    for rest in ["content-length: 20\r\n\r\n{\"quote", "transfer-encoding: chunked\r\n\r\n14\r\n{\"quote"] {
        let mut stream = server.connect().await;
        stream.write_all(format!("{head}{rest}").as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let (_, response) = until_closed(&mut stream).await;
        assert!(response.starts_with("HTTP/1.1 408") && response.contains("request_timeout"), "{response}");
    }
    let mut stream = server.connect().await;
    let rest = "transfer-encoding: chunked\r\n\r\nnonsense\r\n";
    stream.write_all(format!("{head}{rest}").as_bytes()).await.unwrap();
    let response = read_until(&mut stream, "malformed_request").await;
    assert!(response.starts_with("HTTP/1.1 400"), "{response}");
    server.stop().await;
}
