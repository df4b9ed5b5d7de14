//! One connection: HTTP/1.1 with keep-alive, over a stream that knows its deadlines.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::ConnectInfo;
use axum::response::Response;
use bytes::Bytes;
use hyper::Request;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tower::ServiceExt;

use super::server::ServerLimits;
use super::timed_stream::{Exchange, Exchanges, TimedStream};

/// The most one connection may hold of what its client sent: a request's head fits, or is refused.
const READ_BUFFER_BYTES: usize = 32 * 1024;

/// Serves one connection to its end. When `draining` turns true the request at hand is answered and no further one
/// is read.
pub(super) async fn run(
    stream: TcpStream,
    router: Router,
    limits: ServerLimits,
    mut draining: watch::Receiver<bool>,
) {
    let _open = OpenConnection::begin(limits.name);
    // Answers are small and written whole: waiting to fill a packet only delays them.
    let _ = stream.set_nodelay(true);
    let peer = stream.peer_addr().ok();
    let exchanges = Arc::new(Exchanges::default());
    let io = TokioIo::new(TimedStream::new(stream, limits, Arc::clone(&exchanges)));
    let service = service_fn(move |mut request: Request<Incoming>| {
        if let Some(peer) = peer {
            request.extensions_mut().insert(ConnectInfo(peer));
        }
        answer(router.clone(), Arc::clone(&exchanges), request)
    });
    let mut connection = pin!(
        http1::Builder::new()
            // The stream keeps the time.
            .header_read_timeout(None)
            .max_buf_size(READ_BUFFER_BYTES)
            .serve_connection(io, service)
    );
    let told_to_end = async {
        // A server that is gone wants no more requests either.
        let _ = draining.wait_for(|draining| *draining).await;
    };
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = told_to_end => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(listener = limits.name, %error, "a connection ended badly");
    }
}

async fn answer(
    router: Router,
    exchanges: Arc<Exchanges>,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, Infallible> {
    let exchange = Exchanges::begin(exchanges);
    let response = router.oneshot(request).await?;
    Ok(response.map(|body| AnswerBody { body, _exchange: exchange }))
}

/// An answer's body, which ends the exchange when it is written or given up.
struct AnswerBody {
    body: Body,
    _exchange: Exchange,
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Counts a connection while it is open.
struct OpenConnection(&'static str);

impl OpenConnection {
    fn begin(listener: &'static str) -> Self {
        metrics::gauge!("payoutd_http_connections", "listener" => listener).increment(1.0);
        Self(listener)
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        metrics::gauge!("payoutd_http_connections", "listener" => self.0).decrement(1.0);
    }
}
