//! The readiness of the process: whether it can process requests.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;

/// A check of a dependency.
#[async_trait]
pub trait Check: Send + Sync + 'static {
    /// # Errors
    /// Returns a short reason, without secrets, if the dependency is not available.
    async fn check(&self) -> Result<(), String>;
}

/// All checks, and whether the process is shutting down.
#[derive(Default)]
pub struct Readiness {
    checks: BTreeMap<&'static str, Arc<dyn Check>>,
    draining: AtomicBool,
}

/// The response body of `/readyz`.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Whether every check is `ok`.
    pub ready: bool,
    /// `ok` or the reason of the failure, by the name of the check.
    pub checks: BTreeMap<&'static str, String>,
}

/// The time after which a check counts as failed.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

impl Readiness {
    #[must_use]
    pub fn with(mut self, name: &'static str, check: Arc<dyn Check>) -> Self {
        self.checks.insert(name, check);
        self
    }

    /// Makes the process not ready, because it is shutting down.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Runs every check.
    pub async fn report(&self) -> Report {
        let mut checks = BTreeMap::new();
        for (name, check) in &self.checks {
            let result = tokio::time::timeout(CHECK_TIMEOUT, check.check()).await;
            let status = match result {
                Ok(Ok(())) => "ok".to_owned(),
                Ok(Err(reason)) => reason,
                Err(_) => "no answer in time".to_owned(),
            };
            checks.insert(*name, status);
        }
        let draining = self.draining.load(Ordering::Relaxed);
        checks.insert("draining", if draining { "draining" } else { "ok" }.to_owned());
        Report { ready: checks.values().all(|status| status == "ok"), checks }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Returns(Result<(), String>);

    #[async_trait]
    impl Check for Returns {
        async fn check(&self) -> Result<(), String> {
            self.0.clone()
        }
    }

    struct Hangs;

    #[async_trait]
    impl Check for Hangs {
        async fn check(&self) -> Result<(), String> {
            std::future::pending().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn readiness_requires_every_check_and_no_shutdown() {
        let ready = Readiness::default().with("database", Arc::new(Returns(Ok(()))));
        assert!(ready.report().await.ready);
        ready.drain();
        assert!(!ready.report().await.ready);
        let hanging = Readiness::default().with("broker", Arc::new(Hangs));
        let report = hanging.report().await;
        assert!(!report.ready);
        assert_eq!(report.checks["broker"], "no answer in time");
        let failing = Readiness::default().with("database", Arc::new(Returns(Err("away".into()))));
        assert_eq!(failing.report().await.checks["database"], "away");
    }
}
