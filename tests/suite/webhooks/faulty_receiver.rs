//! What receivers can do instead of answering.

use std::sync::Arc;
use std::time::Duration;

use payoutd::webhooks::AttemptError::{self, ConnectionFailed, NameNotFound, NotHttp, TimedOut, TlsFailed};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// One bad receiver.
pub(super) struct FaultyReceiver {
    pub(super) name: &'static str,
    pub(super) url: String,
    /// What its first attempt may be in the log.
    pub(super) expected: Vec<Result<u16, AttemptError>>,
}

/// An authority that our side trusts.
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

/// What to do with a connection, after the request was read or before.
#[derive(Clone)]
enum Act {
    /// Writes this, waits, and goes on until it is hung up on.
    Say(String),
    /// Writes this and closes.
    SayAndClose(String),
    /// Writes this, then that again and again.
    SayForEver(String, String, Duration),
    /// Closes at once, with a reset.
    Reset,
    /// Closes at once.
    Close,
    /// Answers before a word was said.
    SayFirst(String),
}

/// Starts all of them.
pub(super) async fn all(authority: &Authority, canary: String) -> Vec<FaultyReceiver> {
    let mut receivers = Vec::new();
    for (name, act, expected) in acts(&canary) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        tokio::spawn(serve(listener, act));
        receivers.push(FaultyReceiver { name, url, expected });
    }
    receivers.extend(without_answer().await);
    receivers.extend(with_bad_tls(authority).await);
    receivers
}

/// A name, what it does, and what may be in the log of it.
type Part = (&'static str, Act, Vec<Result<u16, AttemptError>>);

fn acts(canary: &str) -> Vec<Part> {
    use Act::{Close, Reset, Say, SayAndClose, SayFirst, SayForEver};
    let say = |text: &str| Say(text.to_owned());
    let done = |text: &str| SayAndClose(text.to_owned());
    let moment = Duration::from_millis(1);
    let status = |line: &str| SayAndClose(format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n"));
    let redirect = |code: &str, to: &str| {
        SayAndClose(format!("HTTP/1.1 {code} Elsewhere\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"))
    };
    let chunk = "10000\r\n".to_owned() + &"x".repeat(0x10000) + "\r\n";
    vec![
        ("hangs before its answer", say(""), vec![Err(TimedOut)]),
        ("hangs in its first line", say("HTTP/1.1 2"), vec![Err(TimedOut)]),
        ("hangs in its headers", say("HTTP/1.1 200 OK\r\nServer: x"), vec![Err(TimedOut)]),
        (
            "takes it and then hangs in its body",
            say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"),
            vec![Ok(200)],
        ),
        ("hangs in its body", say("HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\nabc"), vec![Ok(500)]),
        (
            "trickles headers",
            SayForEver("HTTP/1.1 200 OK\r\nX-A: ".into(), "a".into(), Duration::from_millis(50)),
            vec![Err(TimedOut)],
        ),
        (
            "trickles a body",
            SayForEver(
                "HTTP/1.1 500 No\r\nContent-Length: 99999\r\n\r\n".into(),
                "a".into(),
                Duration::from_millis(50),
            ),
            vec![Ok(500)],
        ),
        (
            "sends a body of one gigabyte",
            SayForEver(
                "HTTP/1.1 500 No\r\nContent-Length: 1073741824\r\n\r\n".into(),
                "x".repeat(65536),
                Duration::ZERO,
            ),
            vec![Ok(500)],
        ),
        (
            "sends chunks without end",
            SayForEver("HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n".into(), chunk, Duration::ZERO),
            vec![Ok(500)],
        ),
        (
            "sends a header of a megabyte",
            say(&format!("HTTP/1.1 200 OK\r\nX-A: {}\r\n\r\n", "a".repeat(1 << 20))),
            vec![Err(NotHttp)],
        ),
        (
            "sends headers without end",
            SayForEver("HTTP/1.1 200 OK\r\n".into(), "X-A: b\r\n".repeat(1000), Duration::ZERO),
            vec![Err(NotHttp)],
        ),
        (
            "sends 1xx without end",
            SayForEver(String::new(), "HTTP/1.1 103 Early Wakeups\r\n\r\n".into(), moment),
            vec![Err(TimedOut), Err(NotHttp)],
        ),
        ("resets", Reset, vec![Err(NotHttp), Err(ConnectionFailed)]),
        ("closes at once", Close, vec![Err(NotHttp)]),
        ("closes without an answer", done(""), vec![Err(NotHttp)]),
        ("closes in its headers", done("HTTP/1.1 200 OK\r\nServer"), vec![Err(NotHttp)]),
        ("closes in its body", done("HTTP/1.1 500 No\r\nContent-Length: 99\r\n\r\nabc"), vec![Ok(500)]),
        ("sends rubbish", done("\u{0}\u{1}\u{2}rubbish\r\n\r\n\r\n"), vec![Err(NotHttp)]),
        ("answers as HTTP/0.9", done("<html>hello</html>"), vec![Err(NotHttp)]),
        ("answers as SMTP", SayFirst("220 mail.example ESMTP\r\n".into()), vec![Err(NotHttp)]),
        (
            "answers before it is asked",
            SayFirst("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".into()),
            vec![Err(NotHttp), Ok(200)],
        ),
        (
            "switches protocols",
            done("HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
            vec![Ok(101), Err(NotHttp)],
        ),
        (
            "gives two lengths",
            done("HTTP/1.1 500 No\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
            vec![Err(NotHttp)],
        ),
        (
            "gives a negative length",
            done("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"),
            vec![Err(NotHttp)],
        ),
        (
            "gives a huge length",
            done("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n"),
            vec![Err(NotHttp)],
        ),
        ("puts NUL into a header", done("HTTP/1.1 200 OK\r\nX: a\u{0}b\r\n\r\n"), vec![Err(NotHttp)]),
        ("has a status of its own", status("999 Mine"), vec![Ok(999), Err(NotHttp)]),
        ("redirects to itself", redirect("308", "/hook"), vec![Ok(308)]),
        (
            "redirects to the metadata address",
            redirect("302", "http://169.254.169.254/latest/"),
            vec![Ok(302)],
        ),
        ("redirects home with 301", redirect("301", canary), vec![Ok(301)]),
        ("redirects home with 303", redirect("303", canary), vec![Ok(303)]),
        ("redirects home with 307", redirect("307", canary), vec![Ok(307)]),
        ("redirects to a file", redirect("302", "file:///etc/passwd"), vec![Ok(302)]),
        ("refuses with 400", status("400 Bad"), vec![Ok(400)]),
        ("knows nothing", status("404 Not Found"), vec![Ok(404)]),
        ("is gone", status("410 Gone"), vec![Ok(410)]),
        (
            "asks for patience",
            done("HTTP/1.1 429 Slow\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n"),
            vec![Ok(429)],
        ),
        (
            "asks for endless patience",
            done("HTTP/1.1 503 No\r\nRetry-After: 18446744073709551615\r\nContent-Length: 0\r\n\r\n"),
            vec![Ok(503)],
        ),
        ("breaks", status("500 No"), vec![Ok(500)]),
        (
            "answers in control characters",
            done("HTTP/1.1 500 No\r\nContent-Length: 6\r\n\r\n\u{1b}[2J\u{0}\u{7}"),
            vec![Ok(500)],
        ),
    ]
}

async fn without_answer() -> Vec<FaultyReceiver> {
    let receiver = |name, url: String, expected| FaultyReceiver { name, url, expected };
    // Bound, listening, and nobody accepts.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let never_accepts = format!("http://{}/", silent.local_addr().unwrap());
    tokio::spawn(async move {
        std::future::pending::<()>().await;
        drop(silent);
    });
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    vec![
        receiver("never accepts", never_accepts, vec![Err(TimedOut)]),
        receiver("is not there", format!("http://{closed}/"), vec![Err(ConnectionFailed)]),
        receiver("has no address", "http://nowhere.example/".into(), vec![Err(NameNotFound)]),
        receiver("has an empty answer for a name", "http://empty.example/".into(), vec![Err(NameNotFound)]),
        receiver("has names that never resolve", "http://never.example/".into(), vec![Err(TimedOut)]),
    ]
}

async fn with_bad_tls(authority: &Authority) -> Vec<FaultyReceiver> {
    let stranger = Authority::new();
    let mut receivers = Vec::new();
    for (name, acceptor, expected) in [
        ("speaks no TLS", None, vec![Err(TlsFailed)]),
        ("signs for itself", Some(stranger.acceptor("bad.example", false)), vec![Err(TlsFailed)]),
        ("has another's certificate", Some(authority.acceptor("other.example", false)), vec![Err(TlsFailed)]),
        ("has an old certificate", Some(authority.acceptor("bad.example", true)), vec![Err(TlsFailed)]),
        // To show that the others fail for what is wrong with them.
        ("speaks TLS well, and breaks", Some(authority.acceptor("bad.example", false)), vec![Ok(500)]),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://bad.example:{}/", listener.local_addr().unwrap().port());
        let answer = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n".to_owned();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, answer) = (acceptor.clone(), answer.clone());
                tokio::spawn(async move {
                    match acceptor {
                        None => drop(play(stream, Act::SayAndClose(answer)).await),
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
    tokio::spawn(serve(silent, Act::Say(String::new())));
    receivers.push(FaultyReceiver { name: "hangs in its handshake", url, expected: vec![Err(TimedOut)] });
    receivers
}

async fn serve(listener: TcpListener, act: Act) {
    while let Ok((stream, _)) = listener.accept().await {
        let act = act.clone();
        tokio::spawn(async move { play(stream, act).await });
    }
}

async fn play(mut stream: TcpStream, act: Act) -> std::io::Result<()> {
    match act {
        Act::Reset => {
            stream.set_zero_linger()?;
            return Ok(());
        }
        Act::Close => return Ok(()),
        Act::SayFirst(text) => {
            stream.write_all(text.as_bytes()).await?;
            listen(&mut stream).await?;
        }
        Act::Say(text) => {
            listen(&mut stream).await?;
            stream.write_all(text.as_bytes()).await?;
            // Until it is hung up on.
            while stream.read(&mut [0; 4096]).await? > 0 {}
        }
        Act::SayAndClose(text) => {
            listen(&mut stream).await?;
            stream.write_all(text.as_bytes()).await?;
            stream.shutdown().await?;
        }
        Act::SayForEver(text, again, pause) => {
            listen(&mut stream).await?;
            stream.write_all(text.as_bytes()).await?;
            loop {
                stream.write_all(again.as_bytes()).await?;
                tokio::time::sleep(pause).await;
            }
        }
    }
    Ok(())
}

/// Hears the request, or what has come of it so far.
async fn listen(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.read(&mut [0; 65536]).await.map(drop)
}
