//! A TCP stream that ends by itself if the client is too slow.
//!
//! hyper has one read timeout, for a request's head, and it also runs between requests. A value that is short enough
//! against slow heads would close connections that clients keep open for reuse. The deadlines are therefore enforced
//! on the stream: one each for an idle connection, an incomplete head and an unread response.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use super::limits::ServerLimits;

/// Tracks whether a request is open on a connection. The counter is incremented when a request begins and when it ends,
/// so it is odd while one is open.
#[derive(Debug, Default)]
pub(super) struct RequestTracker(AtomicU64);

impl RequestTracker {
    /// Marks a request as open: its head is complete.
    pub(super) fn begin(tracker: Arc<Self>) -> OpenRequest {
        tracker.0.fetch_add(1, Ordering::Relaxed);
        OpenRequest(tracker)
    }

    fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A request whose response is not completely written.
#[derive(Debug)]
pub(super) struct OpenRequest(Arc<RequestTracker>);

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// The next bytes expected from the client while no request is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaiting {
    /// The first byte of a request.
    FirstByte,
    /// The rest of a request's head.
    RestOfHead,
}

#[derive(Debug)]
pub(super) struct DeadlineStream {
    stream: TcpStream,
    limits: ServerLimits,
    requests: Arc<RequestTracker>,
    /// The tracker's count at the last read.
    seen_count: u64,
    awaiting: Awaiting,
    read_deadline: Deadline,
    write_deadline: Deadline,
}

impl DeadlineStream {
    pub(super) fn new(stream: TcpStream, limits: ServerLimits, requests: Arc<RequestTracker>) -> Self {
        let mut read_deadline = Deadline::default();
        read_deadline.set(limits.header_read);
        Self {
            stream,
            limits,
            requests,
            seen_count: 0,
            awaiting: Awaiting::FirstByte,
            read_deadline,
            write_deadline: Deadline::default(),
        }
    }

    /// Resets the read deadline if a request began or ended since the last read.
    fn sync_with_requests(&mut self) {
        let count = self.requests.count();
        if count != self.seen_count {
            self.seen_count = count;
            self.awaiting = Awaiting::FirstByte;
            self.read_deadline.clear();
        }
    }

    fn has_open_request(&self) -> bool {
        self.seen_count % 2 == 1
    }

    fn on_bytes_received(&mut self) {
        if !self.has_open_request() && self.awaiting == Awaiting::FirstByte {
            self.awaiting = Awaiting::RestOfHead;
            self.read_deadline.set(self.limits.header_read);
        }
    }

    /// Ready if the client has been silent for too long.
    fn poll_read_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.has_open_request() {
            // The extractor that reads the body enforces a deadline of its own.
            return Poll::Pending;
        }
        if !self.read_deadline.is_set() {
            self.read_deadline.set(self.limits.idle);
        }
        self.read_deadline.poll(cx)
    }

    /// Turns a pending write into an error once the client has not read for too long.
    fn limit_write<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.write_deadline.clear();
            return written;
        }
        if !self.write_deadline.is_set() {
            self.write_deadline.set(self.limits.write_stall);
        }
        ready!(self.write_deadline.poll(cx));
        metrics::counter!("payoutd_http_timeouts_total", "listener" => self.limits.name, "waiting_for" => "write")
            .increment(1);
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read its response")))
    }
}

/// A deadline that moves with every request and rarely expires. The timer behind it is reset only if it would fire too
/// late, or after it has fired too early.
#[derive(Debug, Default)]
struct Deadline {
    at: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    fn set(&mut self, after: Duration) {
        self.at = Some(Instant::now() + after);
    }

    fn clear(&mut self) {
        self.at = None;
    }

    fn is_set(&self) -> bool {
        self.at.is_some()
    }

    /// Ready once the deadline has passed. Pending while none is set.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.at else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        if timer.deadline() > at {
            timer.as_mut().reset(at);
        }
        loop {
            ready!(timer.as_mut().poll(cx));
            if timer.deadline() >= at {
                return Poll::Ready(());
            }
            timer.as_mut().reset(at);
        }
    }
}

impl AsyncRead for DeadlineStream {
    /// Reports the end of the stream if the client has been silent for too long.
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.sync_with_requests();
        let before = buf.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, buf) {
            Poll::Ready(read) => {
                if buf.filled().len() > before {
                    self.on_bytes_received();
                }
                Poll::Ready(read)
            }
            Poll::Pending => {
                ready!(self.poll_read_deadline(cx));
                let waiting_for = match self.awaiting {
                    Awaiting::FirstByte => "request",
                    Awaiting::RestOfHead => "head",
                };
                metrics::counter!("payoutd_http_timeouts_total", "listener" => self.limits.name, "waiting_for" => waiting_for)
                    .increment(1);
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl AsyncWrite for DeadlineStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.limit_write(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.limit_write(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
