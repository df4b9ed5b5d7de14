//! One connection: HTTP/1.1 with keep-alive over a [`DeadlineStream`].

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

use super::deadline_stream::{DeadlineStream, OpenRequest, RequestTracker};
use super::limits::ServerLimits;

/// The read buffer of one connection. hyper refuses a request whose head does not fit.
const READ_BUFFER_BYTES: usize = 32 * 1024;

/// Serves one connection until it ends. When `draining` turns true, the open request is finished and no further one is
/// read.
pub(super) async fn run(
    stream: TcpStream,
    router: Router,
    limits: ServerLimits,
    mut draining: watch::Receiver<bool>,
) {
    let _open = OpenConnection::begin(limits.name);
    // Responses are small and written at once. Nagle's algorithm would only delay them.
    let _ = stream.set_nodelay(true);
    let peer = stream.peer_addr().ok();
    let requests = Arc::new(RequestTracker::default());
    let io = TokioIo::new(DeadlineStream::new(stream, limits, Arc::clone(&requests)));
    let service = service_fn(move |mut request: Request<Incoming>| {
        if let Some(peer) = peer {
            request.extensions_mut().insert(ConnectInfo(peer));
        }
        respond(router.clone(), Arc::clone(&requests), request)
    });
    let mut connection = pin!(
        http1::Builder::new()
            // `DeadlineStream` enforces it.
            .header_read_timeout(None)
            .max_buf_size(READ_BUFFER_BYTES)
            .serve_connection(io, service)
    );
    let drain_requested = async {
        // A closed channel means that the server is gone, which ends the connection as well.
        let _ = draining.wait_for(|draining| *draining).await;
    };
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = drain_requested => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(listener = limits.name, %error, "a connection ended with an error");
    }
}

async fn respond(
    router: Router,
    requests: Arc<RequestTracker>,
    request: Request<Incoming>,
) -> Result<Response<TrackedBody>, Infallible> {
    let open_request = RequestTracker::begin(requests);
    let response = router.oneshot(request).await?;
    Ok(response.map(|body| TrackedBody { body, _open_request: open_request }))
}

/// A response body. The request counts as open until this is dropped, which is when it is written or abandoned.
struct TrackedBody {
    body: Body,
    _open_request: OpenRequest,
}

impl HttpBody for TrackedBody {
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

/// Counts an open connection in the metrics.
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
