//! The accept loop of a listener.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinError, JoinSet};

use super::connection;
use super::limits::ServerLimits;
use crate::runtime::shutdown::Shutdown;

/// Serves a router on a listener.
pub struct HttpServer {
    listener: TcpListener,
    router: Router,
    limits: ServerLimits,
}

impl HttpServer {
    #[must_use]
    pub fn new(listener: TcpListener, router: Router, limits: ServerLimits) -> Self {
        Self { listener, router, limits }
    }

    /// Accepts connections until `shutdown` is requested, then waits for open requests, at most for the drain time.
    ///
    /// A lack of sockets or memory, and connections that are reset before they are accepted, do not end the loop.
    ///
    /// # Errors
    /// Returns an error if the listener itself fails.
    pub async fn run(self, mut shutdown: Shutdown) -> io::Result<()> {
        let Self { listener, router, limits } = self;
        let slots = Arc::new(Semaphore::new(limits.max_connections.clamp(1, Semaphore::MAX_PERMITS)));
        let (drain, draining) = watch::channel(false);
        let mut connections = JoinSet::new();
        loop {
            let (stream, slot) = tokio::select! {
                biased;
                () = shutdown.requested() => break,
                Some(result) = connections.join_next() => {
                    log_panic(limits.name, result);
                    continue;
                }
                accepted = accept(&listener, &slots, limits.name) => accepted?,
            };
            let connection = connection::run(stream, router.clone(), limits, draining.clone());
            connections.spawn(async move {
                let _slot = slot;
                connection.await;
            });
        }
        drop(listener);
        drain.send_replace(true);
        drain_connections(limits, connections).await;
        Ok(())
    }
}

async fn drain_connections(limits: ServerLimits, mut connections: JoinSet<()>) {
    let all_ended = async {
        while let Some(result) = connections.join_next().await {
            log_panic(limits.name, result);
        }
    };
    if tokio::time::timeout(limits.drain, all_ended).await.is_err() {
        tracing::warn!(
            listener = limits.name,
            open = connections.len(),
            "connections are still open at the end of the drain time; closing them"
        );
        connections.shutdown().await;
    }
}

fn log_panic(listener: &'static str, result: Result<(), JoinError>) {
    if let Err(error) = result
        && error.is_panic()
    {
        tracing::error!(listener, %error, "a connection's task panicked");
    }
}

/// Waits for a free slot, then for the next connection.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
    name: &'static str,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.map_err(io::Error::other)?;
    loop {
        let error = match listener.accept().await {
            Ok((stream, _)) => return Ok((stream, slot)),
            Err(error) => error,
        };
        metrics::counter!("payoutd_http_accept_errors_total", "listener" => name).increment(1);
        match AcceptFailure::of(&error) {
            AcceptFailure::Connection => {}
            AcceptFailure::Resources => {
                tracing::error!(listener = name, %error, "cannot accept connections; retrying");
                tokio::time::sleep(RETRY_PAUSE).await;
            }
            AcceptFailure::Listener => return Err(error),
        }
    }
}

/// The pause before the next attempt if the process has no sockets or memory left.
const RETRY_PAUSE: Duration = Duration::from_millis(250);

/// The cause of a failed `accept`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AcceptFailure {
    /// The connection was aborted before it was accepted. The next one may succeed.
    Connection,
    /// The process has no sockets or memory left. Further attempts fail until some are released.
    Resources,
    /// The listener is broken. Every further attempt fails.
    Listener,
}

impl AcceptFailure {
    fn of(error: &io::Error) -> Self {
        use io::ErrorKind as Kind;
        if matches!(
            error.kind(),
            Kind::ConnectionAborted | Kind::ConnectionReset | Kind::ConnectionRefused | Kind::Interrupted
        ) {
            Self::Connection
        } else if matches!(error.kind(), Kind::InvalidInput | Kind::Unsupported) {
            Self::Listener
        } else {
            Self::Resources
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lack_of_sockets_is_retried_and_a_broken_listener_is_an_error() {
        const ECONNABORTED: i32 = 103;
        const EMFILE: i32 = 24;
        const EINVAL: i32 = 22;
        let failure = |code| AcceptFailure::of(&io::Error::from_raw_os_error(code));
        assert_eq!(failure(ECONNABORTED), AcceptFailure::Connection);
        assert_eq!(failure(EMFILE), AcceptFailure::Resources);
        assert_eq!(failure(EINVAL), AcceptFailure::Listener);
    }
}
