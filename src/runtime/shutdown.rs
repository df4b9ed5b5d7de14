//! Graceful shutdown: a signal within the process, and the signals of the operating system.

use std::sync::Arc;

use tokio::sync::watch;

/// Requests the shutdown of everything that holds the [`Shutdown`] of the same pair.
#[derive(Debug, Clone)]
pub struct ShutdownTrigger(Arc<watch::Sender<bool>>);

/// Observes whether shutdown is requested. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Receiver<bool>);

/// Creates a trigger and the signal it sets.
#[must_use]
pub fn shutdown_signal() -> (ShutdownTrigger, Shutdown) {
    let (sender, receiver) = watch::channel(false);
    (ShutdownTrigger(Arc::new(sender)), Shutdown(receiver))
}

impl ShutdownTrigger {
    /// Requests shutdown. Idempotent.
    pub fn request(&self) {
        self.0.send_replace(true);
    }
}

impl Shutdown {
    #[must_use]
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until shutdown is requested or every trigger is dropped.
    pub async fn requested(&mut self) {
        let _ = self.0.wait_for(|requested| *requested).await;
    }
}

/// Waits for SIGTERM or SIGINT.
///
/// # Errors
/// Returns the I/O error if the signal handlers cannot be installed.
pub async fn termination_signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => tracing::info!("received SIGTERM; shutting down"),
        _ = interrupt.recv() => tracing::info!("received SIGINT; shutting down"),
    }
    Ok(())
}
