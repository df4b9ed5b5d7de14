//! The accept loop, for the partner listener and the operators' one.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinError, JoinSet};

use super::connection;

/// What clients may take of a server.
#[derive(Debug, Clone, Copy)]
pub struct ServerLimits {
    /// The listener's name in logs and metrics.
    pub name: &'static str,
    /// The most connections at once. More wait in the kernel's queue until one ends.
    pub max_connections: usize,
    /// How long a request's head may take from its first byte, and how long a new connection may stay silent.
    pub header_read: Duration,
    /// How long a connection may stay silent between two requests.
    pub idle: Duration,
    /// How long a client may leave an answer unread.
    pub write_stall: Duration,
    /// How long open requests may take to end once the server is told to stop.
    pub drain: Duration,
}

impl ServerLimits {
    /// Sensible limits for the listener of that name.
    #[must_use]
    pub fn named(name: &'static str) -> Self {
        Self {
            name,
            max_connections: 4_096,
            header_read: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            write_stall: Duration::from_secs(30),
            drain: Duration::from_secs(10),
        }
    }
}

/// Serves `router` on `listener` until `shutdown` ends, then refuses new connections, lets open requests end, and
/// returns once they have or the drain time is over.
///
/// Being out of sockets or memory, and connections that die before they are accepted, are waited out.
///
/// # Errors
/// Where the listener itself is broken.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ServerLimits,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let slots = Arc::new(Semaphore::new(limits.max_connections.clamp(1, Semaphore::MAX_PERMITS)));
    let (drain, draining) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let (stream, slot) = tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(ended) = connections.join_next() => {
                report_end(limits.name, ended);
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
    drain_within(limits, connections).await;
    Ok(())
}

async fn drain_within(limits: ServerLimits, mut connections: JoinSet<()>) {
    let all_ended = async {
        while let Some(ended) = connections.join_next().await {
            report_end(limits.name, ended);
        }
    };
    if tokio::time::timeout(limits.drain, all_ended).await.is_err() {
        tracing::warn!(
            listener = limits.name,
            open = connections.len(),
            "connections were still open at the end of the drain time; closing them"
        );
        connections.shutdown().await;
    }
}

fn report_end(listener: &'static str, ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(listener, %error, "a connection's task panicked");
    }
}

/// The next connection, once there is room for one.
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
                tracing::error!(listener = name, %error, "cannot accept connections; trying again");
                tokio::time::sleep(RESOURCES_PAUSE).await;
            }
            AcceptFailure::Listener => return Err(error),
        }
    }
}

/// How long to wait when the process is out of sockets: long enough for some to be closed.
const RESOURCES_PAUSE: Duration = Duration::from_millis(250);

/// What a failure to accept says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AcceptFailure {
    /// One connection died before it was accepted: the next may be fine.
    Connection,
    /// No sockets or memory left: the next will fail as well, for a while.
    Resources,
    /// The listener does not listen: nothing will ever come.
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
    fn being_out_of_sockets_is_waited_out_and_a_broken_listener_is_not() {
        const ECONNABORTED: i32 = 103;
        const EMFILE: i32 = 24;
        const EINVAL: i32 = 22;
        let failure = |code| AcceptFailure::of(&io::Error::from_raw_os_error(code));
        assert_eq!(failure(ECONNABORTED), AcceptFailure::Connection);
        assert_eq!(failure(EMFILE), AcceptFailure::Resources);
        assert_eq!(failure(EINVAL), AcceptFailure::Listener);
    }
}
