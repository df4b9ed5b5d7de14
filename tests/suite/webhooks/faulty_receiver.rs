//! Receivers that violate HTTP or TLS, or respond slowly or not at all.

use std::sync::Arc;
use std::time::Duration;

use payoutd::webhooks::AttemptError::{self, ConnectionFailed, NameNotFound, NotHttp, TimedOut, TlsFailed};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

pub(super) struct FaultyReceiver {
    pub(super) name: &'static str,
    pub(super) url: String,
    /// The possible results of the first attempt in the log.
    pub(super) expected: Vec<Result<u16, AttemptError>>,
}

/// A certificate authority that the dispatcher trusts.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

impl Authority {
    pub(super) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    pub(super) fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        roots
    }

    fn acceptor(&self, name: &str, expired: bool) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        if expired {
            params.not_after = rcgen::date_time_ymd(2020, 1, 1);
        }
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// How a receiver handles a connection.
#[derive(Clone)]
enum Behavior {
    /// Reads the request, writes the text and keeps the connection open.
    Write(String),
    /// Reads the request, writes the text and closes.
    WriteAndClose(String),
    /// Reads the request, writes the first text once and the second one repeatedly, with a pause in between.
    WriteForever(String, String, Duration),
    /// Resets the connection immediately.
    Reset,
    /// Closes the connection immediately.
    Close,
    /// Writes the text before it reads the request.
    WriteFirst(String),
}

/// Starts all faulty receivers.
pub(super) async fn start_all(authority: &Authority, canary: String) -> Vec<FaultyReceiver> {
    let mut receivers = Vec::new();
    for (name, behavior, expected) in plain_http_cases(&canary) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        tokio::spawn(serve(listener, behavior));
        receivers.push(FaultyReceiver { name, url, expected });
    }
    receivers.extend(unreachable_receivers().await);
    receivers.extend(receivers_with_bad_tls(authority).await);
    receivers
}

/// The name, the behavior, and the possible results in the log.
type Case = (&'static str, Behavior, Vec<Result<u16, AttemptError>>);

fn plain_http_cases(canary: &str) -> Vec<Case> {
    use Behavior::{Close, Reset, Write, WriteAndClose, WriteFirst, WriteForever};
    let keep_open = |text: &str| Write(text.to_owned());
    let close = |text: &str| WriteAndClose(text.to_owned());
    let moment = Duration::from_millis(1);
    let status = |line: &str| WriteAndClose(format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n"));
    let redirect = |code: &str, to: &str| {
        WriteAndClose(format!("HTTP/1.1 {code} Elsewhere\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"))
    };
    let chunk = "10000\r\n".to_owned() + &"x".repeat(0x10000) + "\r\n";
    vec![
        ("hangs before the response", keep_open(""), vec![Err(TimedOut)]),
        ("hangs in the status line", keep_open("HTTP/1.1 2"), vec![Err(TimedOut)]),
        ("hangs in the headers", keep_open("HTTP/1.1 200 OK\r\nServer: x"), vec![Err(TimedOut)]),
        (
            "succeeds and hangs in the body",
            keep_open("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"),
            vec![Ok(200)],
        ),
        (
            "fails and hangs in the body",
            keep_open("HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\nabc"),
            vec![Ok(500)],
        ),
        (
            "sends the headers slowly",
            WriteForever("HTTP/1.1 200 OK\r\nX-A: ".into(), "a".into(), Duration::from_millis(50)),
            vec![Err(TimedOut)],
        ),
        (
            "sends the body slowly",
            WriteForever(
                "HTTP/1.1 500 No\r\nContent-Length: 99999\r\n\r\n".into(),
                "a".into(),
                Duration::from_millis(50),
            ),
            vec![Ok(500)],
        ),
        (
            "sends a body of one gigabyte",
            WriteForever(
                "HTTP/1.1 500 No\r\nContent-Length: 1073741824\r\n\r\n".into(),
                "x".repeat(65536),
                Duration::ZERO,
            ),
            vec![Ok(500)],
        ),
        (
            "sends chunks without end",
            WriteForever(
                "HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n".into(),
                chunk,
                Duration::ZERO,
            ),
            vec![Ok(500)],
        ),
        (
            "sends a header of a megabyte",
            keep_open(&format!("HTTP/1.1 200 OK\r\nX-A: {}\r\n\r\n", "a".repeat(1 << 20))),
            vec![Err(NotHttp)],
        ),
        (
            "sends headers without end",
            WriteForever("HTTP/1.1 200 OK\r\n".into(), "X-A: b\r\n".repeat(1000), Duration::ZERO),
            vec![Err(NotHttp)],
        ),
        (
            "sends 1xx without end",
            WriteForever(String::new(), "HTTP/1.1 103 Early Hints\r\n\r\n".into(), moment),
            vec![Err(TimedOut), Err(NotHttp)],
        ),
        ("resets the connection", Reset, vec![Err(NotHttp), Err(ConnectionFailed)]),
        ("closes immediately", Close, vec![Err(NotHttp)]),
        ("closes without a response", close(""), vec![Err(NotHttp)]),
        ("closes in the headers", close("HTTP/1.1 200 OK\r\nServer"), vec![Err(NotHttp)]),
        ("closes in the body", close("HTTP/1.1 500 No\r\nContent-Length: 99\r\n\r\nabc"), vec![Ok(500)]),
        ("sends garbage", close("\u{0}\u{1}\u{2}rubbish\r\n\r\n\r\n"), vec![Err(NotHttp)]),
        ("answers as HTTP/0.9", close("<html>hello</html>"), vec![Err(NotHttp)]),
        ("answers as SMTP", WriteFirst("220 mail.example ESMTP\r\n".into()), vec![Err(NotHttp)]),
        (
            "responds before the request",
            WriteFirst("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".into()),
            vec![Err(NotHttp), Ok(200)],
        ),
        (
            "switches protocols",
            close("HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
            vec![Ok(101), Err(NotHttp)],
        ),
        (
            "sends two content lengths",
            close("HTTP/1.1 500 No\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
            vec![Err(NotHttp)],
        ),
        (
            "sends a negative content length",
            close("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"),
            vec![Err(NotHttp)],
        ),
        (
            "sends a huge content length",
            close("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n"),
            vec![Err(NotHttp)],
        ),
        ("sends NUL in a header", close("HTTP/1.1 200 OK\r\nX: a\u{0}b\r\n\r\n"), vec![Err(NotHttp)]),
        ("sends a non-standard status", status("999 Mine"), vec![Ok(999), Err(NotHttp)]),
        ("redirects to itself", redirect("308", "/hook"), vec![Ok(308)]),
        (
            "redirects to the metadata address",
            redirect("302", "http://169.254.169.254/latest/"),
            vec![Ok(302)],
        ),
        ("redirects to localhost with 301", redirect("301", canary), vec![Ok(301)]),
        ("redirects to localhost with 303", redirect("303", canary), vec![Ok(303)]),
        ("redirects to localhost with 307", redirect("307", canary), vec![Ok(307)]),
        ("redirects to a file", redirect("302", "file:///etc/passwd"), vec![Ok(302)]),
        ("responds with 400", status("400 Bad"), vec![Ok(400)]),
        ("responds with 404", status("404 Not Found"), vec![Ok(404)]),
        ("responds with 410", status("410 Gone"), vec![Ok(410)]),
        (
            "sends Retry-After",
            close("HTTP/1.1 429 Slow\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n"),
            vec![Ok(429)],
        ),
        (
            "sends an endless Retry-After",
            close("HTTP/1.1 503 No\r\nRetry-After: 18446744073709551615\r\nContent-Length: 0\r\n\r\n"),
            vec![Ok(503)],
        ),
        ("responds with 500", status("500 No"), vec![Ok(500)]),
        (
            "sends control characters",
            close("HTTP/1.1 500 No\r\nContent-Length: 6\r\n\r\n\u{1b}[2J\u{0}\u{7}"),
            vec![Ok(500)],
        ),
    ]
}

async fn unreachable_receivers() -> Vec<FaultyReceiver> {
    let receiver = |name, url: String, expected| FaultyReceiver { name, url, expected };
    // Listens, but never accepts a connection.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let never_accepts = format!("http://{}/", silent.local_addr().unwrap());
    tokio::spawn(async move {
        std::future::pending::<()>().await;
        drop(silent);
    });
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    vec![
        receiver("never accepts", never_accepts, vec![Err(TimedOut)]),
        receiver("refuses the connection", format!("http://{closed}/"), vec![Err(ConnectionFailed)]),
        receiver("has an unknown host name", "http://nowhere.example/".into(), vec![Err(NameNotFound)]),
        receiver(
            "has a host name without addresses",
            "http://empty.example/".into(),
            vec![Err(NameNotFound)],
        ),
        receiver("has a host name that never resolves", "http://never.example/".into(), vec![Err(TimedOut)]),
    ]
}

async fn receivers_with_bad_tls(authority: &Authority) -> Vec<FaultyReceiver> {
    let unknown_authority = Authority::new();
    let mut receivers = Vec::new();
    for (name, acceptor, expected) in [
        ("does not use TLS", None, vec![Err(TlsFailed)]),
        (
            "has a certificate of an unknown authority",
            Some(unknown_authority.acceptor("bad.example", false)),
            vec![Err(TlsFailed)],
        ),
        (
            "has a certificate for another name",
            Some(authority.acceptor("other.example", false)),
            vec![Err(TlsFailed)],
        ),
        ("has an expired certificate", Some(authority.acceptor("bad.example", true)), vec![Err(TlsFailed)]),
        // The control: a receiver with valid TLS.
        (
            "has a valid certificate and responds with 500",
            Some(authority.acceptor("bad.example", false)),
            vec![Ok(500)],
        ),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://bad.example:{}/", listener.local_addr().unwrap().port());
        let answer = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n".to_owned();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, answer) = (acceptor.clone(), answer.clone());
                tokio::spawn(async move {
                    match acceptor {
                        None => drop(handle(stream, Behavior::WriteAndClose(answer)).await),
                        Some(acceptor) => {
                            let Ok(mut stream) = acceptor.accept(stream).await else { return };
                            let _ = stream.read(&mut [0; 65536]).await;
                            let _ = stream.write_all(answer.as_bytes()).await;
                            let _ = stream.shutdown().await;
                        }
                    }
                });
            }
        });
        receivers.push(FaultyReceiver { name, url, expected });
    }
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://bad.example:{}/", silent.local_addr().unwrap().port());
    tokio::spawn(serve(silent, Behavior::Write(String::new())));
    receivers.push(FaultyReceiver { name: "hangs in the TLS handshake", url, expected: vec![Err(TimedOut)] });
    receivers
}

async fn serve(listener: TcpListener, behavior: Behavior) {
    while let Ok((stream, _)) = listener.accept().await {
        let behavior = behavior.clone();
        tokio::spawn(async move { handle(stream, behavior).await });
    }
}

async fn handle(mut stream: TcpStream, behavior: Behavior) -> std::io::Result<()> {
    match behavior {
        Behavior::Reset => {
            stream.set_zero_linger()?;
            return Ok(());
        }
        Behavior::Close => return Ok(()),
        Behavior::WriteFirst(text) => {
            stream.write_all(text.as_bytes()).await?;
            read_request(&mut stream).await?;
        }
        Behavior::Write(text) => {
            read_request(&mut stream).await?;
            stream.write_all(text.as_bytes()).await?;
            // Until the client closes the connection.
            while stream.read(&mut [0; 4096]).await? > 0 {}
        }
        Behavior::WriteAndClose(text) => {
            read_request(&mut stream).await?;
            stream.write_all(text.as_bytes()).await?;
            stream.shutdown().await?;
        }
        Behavior::WriteForever(text, again, pause) => {
            read_request(&mut stream).await?;
            stream.write_all(text.as_bytes()).await?;
            loop {
                stream.write_all(again.as_bytes()).await?;
                tokio::time::sleep(pause).await;
            }
        }
    }
    Ok(())
}

/// Reads the request, or the part of it that has arrived.
async fn read_request(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.read(&mut [0; 65536]).await.map(drop)
}
