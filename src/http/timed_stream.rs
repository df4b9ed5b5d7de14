//! A client's TCP stream that ends by itself where the client is too slow.
//!
//! hyper has one timeout for a request's head, and it runs between requests as well: short enough against slow
//! heads it would cut off clients that keep connections for reuse. So the deadlines are kept here, where bytes come
//! and go: silence, a head on its way, and an answer nobody reads each have their own.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use super::server::ServerLimits;

/// Where a connection stands: twice the number of requests begun, and one less while one is open.
#[derive(Debug, Default)]
pub(super) struct Exchanges(AtomicU64);

impl Exchanges {
    /// A request's head is complete.
    pub(super) fn begin(exchanges: Arc<Self>) -> Exchange {
        exchanges.0.fetch_add(1, Ordering::Relaxed);
        Exchange(exchanges)
    }

    fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A request whose answer is not written yet.
#[derive(Debug)]
pub(super) struct Exchange(Arc<Exchanges>);

impl Drop for Exchange {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// What the reading side waits for, outside of exchanges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaiting {
    /// The first byte of a request.
    FirstByte,
    /// The rest of a request's head.
    RestOfHead,
}

/// See the module.
#[derive(Debug)]
pub(super) struct TimedStream {
    stream: TcpStream,
    limits: ServerLimits,
    exchanges: Arc<Exchanges>,
    seen: u64,
    awaiting: Awaiting,
    reading: Deadline,
    writing: Deadline,
}

impl TimedStream {
    pub(super) fn new(stream: TcpStream, limits: ServerLimits, exchanges: Arc<Exchanges>) -> Self {
        let mut reading = Deadline::default();
        reading.set(limits.header_read);
        Self {
            stream,
            limits,
            exchanges,
            seen: 0,
            awaiting: Awaiting::FirstByte,
            reading,
            writing: Deadline::default(),
        }
    }

    /// Takes note of exchanges that began or ended since.
    fn catch_up(&mut self) {
        let count = self.exchanges.count();
        if count != self.seen {
            self.seen = count;
            self.awaiting = Awaiting::FirstByte;
            self.reading.lift();
        }
    }

    fn in_exchange(&self) -> bool {
        self.seen % 2 == 1
    }

    fn bytes_came(&mut self) {
        if !self.in_exchange() && self.awaiting == Awaiting::FirstByte {
            self.awaiting = Awaiting::RestOfHead;
            self.reading.set(self.limits.header_read);
        }
    }

    /// Whether the client has been silent for too long.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.in_exchange() {
            // A request's body has its own deadline, kept by whoever reads it.
            return Poll::Pending;
        }
        if !self.reading.is_set() {
            self.reading.set(self.limits.idle);
        }
        self.reading.poll(cx)
    }

    /// Fails a write that the client has kept waiting for too long.
    fn bound_write<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.writing.lift();
            return written;
        }
        if !self.writing.is_set() {
            self.writing.set(self.limits.write_stall);
        }
        ready!(self.writing.poll(cx));
        metrics::counter!("payoutd_http_timeouts_total", "listener" => self.limits.name, "waiting_for" => "write")
            .increment(1);
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read its answer")))
    }
}

/// A deadline that is moved with every request and hardly ever comes: the timer behind it is touched only where it would
/// ring too late, and asked again where it rang too early.
#[derive(Debug, Default)]
struct Deadline {
    at: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    fn set(&mut self, after: Duration) {
        self.at = Some(Instant::now() + after);
    }

    fn lift(&mut self) {
        self.at = None;
    }

    fn is_set(&self) -> bool {
        self.at.is_some()
    }

    /// Whether it has come. Never, while there is none.
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

impl AsyncRead for TimedStream {
    /// Reports the end of the stream where the client has been silent for too long.
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.catch_up();
        let before = buf.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, buf) {
            Poll::Ready(read) => {
                if buf.filled().len() > before {
                    self.bytes_came();
                }
                Poll::Ready(read)
            }
            Poll::Pending => {
                ready!(self.poll_silence(cx));
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

impl AsyncWrite for TimedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.bound_write(cx, written)
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
        self.bound_write(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
