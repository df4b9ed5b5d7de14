//! One HTTP exchange with an untrusted endpoint, bounded in time, in bytes and in the addresses it may reach.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use payoutd_domain::Timestamp;

use super::connector::{Connector, Stream};
use super::{Attempt, AttemptError, Policy, Resolve, Target, TlsTrust};

/// The limits of one exchange.
#[derive(Debug, Clone, Copy)]
pub struct TransportLimits {
    /// The time from the DNS lookup to the end of the response.
    pub deadline: Duration,
    /// The time for reading the response body, once the status is known.
    pub body_timeout: Duration,
    /// How much of the response body is read.
    pub max_body_bytes: usize,
    /// How much of the response body is logged.
    pub logged_body_bytes: usize,
}

impl Default for TransportLimits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(15),
            body_timeout: Duration::from_secs(2),
            max_body_bytes: 16 * 1024,
            logged_body_bytes: 1024,
        }
    }
}

/// The largest header section of a response, in bytes.
const MAX_HEADER_BYTES: usize = 32 * 1024;
const MAX_HEADERS: usize = 100;

/// A signed message.
#[derive(Debug, Clone)]
pub struct Message {
    /// The `webhook-id` header.
    pub id: String,
    /// The `webhook-timestamp` header: seconds since 1970.
    pub timestamp: i64,
    /// The `webhook-signature` header.
    pub signature: String,
    /// JSON.
    pub body: Bytes,
}

#[derive(Debug, Clone)]
pub(super) struct PostResult {
    pub(super) attempt: Attempt,
    /// The `Retry-After` header of the response, if it is a number of seconds.
    pub(super) retry_after: Option<Duration>,
}

/// Sends messages, each over its own connection, so that endpoints and attempts share no state.
pub struct Transport {
    connector: Connector,
    policy: Policy,
    limits: TransportLimits,
}

/// A response as far as it is evaluated.
struct ReceivedResponse {
    status: u16,
    retry_after: Option<Duration>,
    body_text: String,
}

impl Transport {
    /// Creates a transport that connects only to targets that `policy` allows.
    ///
    /// # Errors
    /// Returns the TLS library's error if its configuration fails.
    pub fn new(
        policy: Policy,
        resolver: Arc<dyn Resolve>,
        trust: TlsTrust,
        limits: TransportLimits,
    ) -> Result<Self, rustls::Error> {
        Ok(Self { connector: Connector::new(policy, resolver, trust)?, policy, limits })
    }

    #[must_use]
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// Posts a message. `at` is the recorded start of the attempt. Returns within the transport's deadline and within
    /// `timeout`.
    pub(super) async fn post(
        &self,
        url: &str,
        message: &Message,
        at: Timestamp,
        timeout: Duration,
    ) -> PostResult {
        let began = Instant::now();
        let timeout = self.limits.deadline.min(timeout);
        // The policy may be stricter now than when the endpoint was created.
        let exchanged = match Target::parse(url, self.policy) {
            Ok(target) => {
                let exchange = self.exchange(&target, message, began + timeout);
                match tokio::time::timeout(timeout, exchange).await {
                    Ok(exchanged) => exchanged,
                    Err(_) => Err(AttemptError::TimedOut),
                }
            }
            Err(_) => Err(AttemptError::UrlRefused),
        };
        let (status, error, answer, retry_after) = match exchanged {
            Ok(response) => (Some(response.status), None, response.body_text, response.retry_after),
            Err(error) => (None, Some(error), String::new(), None),
        };
        let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        PostResult { attempt: Attempt { at, status, error, duration_ms, answer }, retry_after }
    }

    async fn exchange(
        &self,
        target: &Target,
        message: &Message,
        deadline: Instant,
    ) -> Result<ReceivedResponse, AttemptError> {
        let request = request(target, message).map_err(|_| AttemptError::UrlRefused)?;
        let stream = self.connector.connect(target).await?;
        let (response, connection) = send(stream, request).await?;
        let (status, retry_after) = (response.status().as_u16(), retry_after(&response));
        let remaining = deadline.saturating_duration_since(Instant::now());
        // The body timeout ends before the deadline, so that a slow body does not discard the status.
        let body_timeout = self.limits.body_timeout.min(remaining.mul_f32(0.9));
        let body = read_start(response.into_body(), self.limits, body_timeout).await;
        drop(connection);
        Ok(ReceivedResponse { status, retry_after, body_text: printable(&body) })
    }
}

/// Aborts the connection's task when the exchange ends or is cancelled.
struct ConnectionTask(tokio::task::JoinHandle<()>);

impl Drop for ConnectionTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn send(
    stream: Box<dyn Stream>,
    request: Request<Full<Bytes>>,
) -> Result<(Response<Incoming>, ConnectionTask), AttemptError> {
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_buf_size(MAX_HEADER_BYTES)
        .max_headers(MAX_HEADERS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|_| AttemptError::NotHttp)?;
    let task = ConnectionTask(tokio::spawn(async move {
        // An error of the connection is also returned by `send_request` or by the body.
        let _ = connection.await;
    }));
    let response = sender.send_request(request).await.map_err(|_| AttemptError::NotHttp)?;
    Ok((response, task))
}

fn request(target: &Target, message: &Message) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
    Request::post(target.path_and_query())
        .header(header::HOST, target.authority())
        .header(header::USER_AGENT, concat!("payoutd-webhooks/", env!("CARGO_PKG_VERSION")))
        .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .header(header::ACCEPT, HeaderValue::from_static("*/*"))
        .header(header::CONNECTION, HeaderValue::from_static("close"))
        .header("webhook-id", &message.id)
        .header("webhook-timestamp", message.timestamp)
        .header("webhook-signature", &message.signature)
        .body(Full::new(message.body.clone()))
}

fn retry_after(response: &Response<Incoming>) -> Option<Duration> {
    let seconds = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}

/// Reads the first bytes of a response body. Errors are ignored, because the status alone decides.
async fn read_start(mut body: Incoming, limits: TransportLimits, timeout: Duration) -> Vec<u8> {
    let mut start = Vec::new();
    let mut read_bytes = 0usize;
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            let Ok(data) = frame.into_data() else { continue };
            read_bytes = read_bytes.saturating_add(data.len());
            let capacity = limits.logged_body_bytes.saturating_sub(start.len());
            start.extend_from_slice(&data[..data.len().min(capacity)]);
            if read_bytes >= limits.max_body_bytes {
                return;
            }
        }
    };
    // After a timeout, the bytes read so far are logged.
    let _ = tokio::time::timeout(timeout, reading).await;
    start
}

/// Text that is safe in logs, databases and terminals: control characters except line feed and tab are replaced.
fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c }).collect()
}
