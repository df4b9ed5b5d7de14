//! Stopping in order: everybody is asked, nobody is killed.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// Asks others to stop.
#[derive(Debug, Clone)]
pub struct ShutdownTrigger(Arc<watch::Sender<bool>>);

/// Knows whether a stop was asked for. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Receiver<bool>);

/// A fresh pair.
#[must_use]
pub fn shutdown_signal() -> (ShutdownTrigger, Shutdown) {
    let (sender, receiver) = watch::channel(false);
    (ShutdownTrigger(Arc::new(sender)), Shutdown(receiver))
}

impl ShutdownTrigger {
    /// Asks. Asking twice is asking once.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Shutdown {
    /// Whether a stop was asked for.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until a stop is asked for. A stopper that is gone asks as well.
    pub async fn requested(&mut self) {
        let _ = self.0.wait_for(|asked| *asked).await;
    }
}

/// Runs `work` to its end, or gives up on it after `patience`; says which.
pub async fn within(patience: Duration, what: &str, work: impl Future<Output = ()>) -> bool {
    let ended = tokio::time::timeout(patience, work).await.is_ok();
    if !ended {
        tracing::warn!(what, ?patience, "did not stop in time");
    }
    ended
}

/// Waits for SIGTERM or SIGINT.
///
/// # Errors
/// Where the system does not let us listen for them.
pub async fn termination() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => tracing::info!("SIGTERM: stopping"),
        _ = interrupt.recv() => tracing::info!("interrupted: stopping"),
    }
    Ok(())
}
