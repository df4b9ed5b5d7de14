//! One HTTP exchange with somebody who may wish us ill: bounded in time, in bytes, and in where it may lead.

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
    /// From the first look-up to the end of the answer.
    pub deadline: Duration,
    /// How long an answer whose status is known may go on.
    pub answer_time: Duration,
    /// How much of an answer's body is read.
    pub answer_bytes: usize,
    /// How much of it is kept for the log.
    pub kept_bytes: usize,
}

impl Default for TransportLimits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(15),
            answer_time: Duration::from_secs(2),
            answer_bytes: 16 * 1024,
            kept_bytes: 1024,
        }
    }
}

/// The largest head of an answer, in bytes, and the most headers in it.
const MAX_HEAD_BYTES: usize = 32 * 1024;
const MAX_HEADERS: usize = 100;

/// A signed message.
#[derive(Debug, Clone)]
pub struct Message {
    /// `webhook-id`.
    pub id: String,
    /// `webhook-timestamp`: seconds since 1970.
    pub timestamp: i64,
    /// `webhook-signature`.
    pub signature: String,
    /// The JSON.
    pub body: Bytes,
}

/// An attempt, and what the endpoint asked for with it.
#[derive(Debug, Clone)]
pub(super) struct Exchange {
    pub(super) attempt: Attempt,
    /// `Retry-After`, where it is in seconds.
    pub(super) retry_after: Option<Duration>,
}

/// Sends messages. One connection for each: endpoints share nothing, and no state of one attempt reaches the next.
pub struct Transport {
    connector: Connector,
    policy: Policy,
    limits: TransportLimits,
}

struct Answer {
    status: u16,
    retry_after: Option<Duration>,
    body: Incoming,
}

impl Transport {
    /// A transport that connects as `policy` allows.
    ///
    /// # Errors
    /// Where TLS cannot be set up.
    pub fn new(
        policy: Policy,
        resolver: Arc<dyn Resolve>,
        trust: TlsTrust,
        limits: TransportLimits,
    ) -> Result<Self, rustls::Error> {
        Ok(Self { connector: Connector::new(policy, resolver, trust)?, policy, limits })
    }

    /// What endpoints may be.
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// Posts a message, beginning at `at`. Ends within the deadline, or the shorter `patience`.
    pub(super) async fn post(
        &self,
        url: &str,
        message: &Message,
        at: Timestamp,
        patience: Duration,
    ) -> Exchange {
        let began = Instant::now();
        let deadline = self.limits.deadline.min(patience);
        // The policy may have become stricter since the endpoint was made.
        let exchanged = match Target::parse(url, self.policy) {
            Ok(target) => {
                let exchange = self.exchange(&target, message, began + deadline);
                match tokio::time::timeout(deadline, exchange).await {
                    Ok(exchanged) => exchanged,
                    Err(_) => Err(AttemptError::TimedOut),
                }
            }
            Err(_) => Err(AttemptError::UrlRefused),
        };
        let (status, error, answer, retry_after) = match exchanged {
            Ok((status, retry_after, answer)) => (Some(status), None, answer, retry_after),
            Err(error) => (None, Some(error), String::new(), None),
        };
        let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Exchange { attempt: Attempt { at, status, error, duration_ms, answer }, retry_after }
    }

    async fn exchange(
        &self,
        target: &Target,
        message: &Message,
        end: Instant,
    ) -> Result<(u16, Option<Duration>, String), AttemptError> {
        let request = request(target, message).map_err(|_| AttemptError::UrlRefused)?;
        let stream = self.connector.connect(target).await?;
        let (answer, connection) = ask(stream, request).await?;
        let left = end.saturating_duration_since(Instant::now());
        // Ends a little before the deadline, so that a status once known is never lost to a body that drags on.
        let patience = self.limits.answer_time.min(left.mul_f32(0.9));
        let kept = read(answer.body, self.limits, patience).await;
        drop(connection);
        Ok((answer.status, answer.retry_after, printable(&kept)))
    }
}

/// Ends a connection's task with the exchange, however that ends.
struct Connection(tokio::task::JoinHandle<()>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn ask(
    stream: Box<dyn Stream>,
    request: Request<Full<Bytes>>,
) -> Result<(Answer, Connection), AttemptError> {
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|_| AttemptError::NotHttp)?;
    let connection = Connection(tokio::spawn(async move {
        // Its end shows in the answer.
        let _ = connection.await;
    }));
    let response = sender.send_request(request).await.map_err(|_| AttemptError::NotHttp)?;
    let retry_after = retry_after(&response);
    let status = response.status().as_u16();
    Ok((Answer { status, retry_after, body: response.into_body() }, connection))
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

/// The first bytes of a body. What is wrong with the rest of it does not matter: the status has said all.
async fn read(mut body: Incoming, limits: TransportLimits, patience: Duration) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut seen = 0usize;
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            let Ok(data) = frame.into_data() else { continue };
            seen = seen.saturating_add(data.len());
            let room = limits.kept_bytes.saturating_sub(kept.len());
            kept.extend_from_slice(&data[..data.len().min(room)]);
            if seen >= limits.answer_bytes {
                return;
            }
        }
    };
    // Out of patience or not, what came is kept.
    let _ = tokio::time::timeout(patience, reading).await;
    kept
}

/// Text that any log, database and terminal can take.
fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c }).collect()
}
