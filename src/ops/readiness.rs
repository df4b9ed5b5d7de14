//! Whether this process should be sent work.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;

/// Something the process needs to do its work.
#[async_trait]
pub trait Check: Send + Sync + 'static {
    /// `Err` says in a few words what is wrong. Must not hold secrets.
    async fn check(&self) -> Result<(), String>;
}

/// Everything that has to be in order, and whether we are on our way out.
#[derive(Default)]
pub struct Readiness {
    checks: BTreeMap<&'static str, Arc<dyn Check>>,
    draining: AtomicBool,
}

/// The answer of `/readyz`.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Whether everything is in order.
    pub ready: bool,
    /// Each check: `ok`, or what is wrong.
    pub checks: BTreeMap<&'static str, String>,
}

/// How long a check may take before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(2);

impl Readiness {
    /// Adds a check under a name.
    #[must_use]
    pub fn with(mut self, name: &'static str, check: Arc<dyn Check>) -> Self {
        self.checks.insert(name, check);
        self
    }

    /// From now on not ready: no new work should come.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Asks every check.
    pub async fn report(&self) -> Report {
        let mut checks = BTreeMap::new();
        for (name, check) in &self.checks {
            let result = tokio::time::timeout(PATIENCE, check.check()).await;
            let word = match result {
                Ok(Ok(())) => "ok".to_owned(),
                Ok(Err(why)) => why,
                Err(_) => "no answer in time".to_owned(),
            };
            checks.insert(*name, word);
        }
        let draining = self.draining.load(Ordering::Relaxed);
        checks.insert("draining", if draining { "draining" } else { "ok" }.to_owned());
        Report { ready: checks.values().all(|word| word == "ok"), checks }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Says(Result<(), String>);

    #[async_trait]
    impl Check for Says {
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
    async fn every_check_counts_and_so_does_draining() {
        let ready = Readiness::default().with("database", Arc::new(Says(Ok(()))));
        assert!(ready.report().await.ready);
        ready.drain();
        assert!(!ready.report().await.ready);
        let hanging = Readiness::default().with("broker", Arc::new(Hangs));
        let report = hanging.report().await;
        assert!(!report.ready);
        assert_eq!(report.checks["broker"], "no answer in time");
        let failing = Readiness::default().with("database", Arc::new(Says(Err("away".into()))));
        assert_eq!(failing.report().await.checks["database"], "away");
    }
}
