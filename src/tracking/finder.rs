//! From a token in a URL to the payout it belongs to.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use payoutd_domain::{PayoutId, TrackingToken};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::Tracking;
use crate::runtime::rate_limit::FailedAttempts;

/// The most tokens remembered. A token belongs to one payout for ever, so nothing remembered gets old.
const MAX_KNOWN: usize = 50_000;
/// The most questions to the store at once: strangers must not take the database from those who move money.
const MAX_LOOKUPS: usize = 4;
/// How long a request waits for its turn to ask the store.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// Why a token leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// No payout has it, or it is no token. Nobody learns which.
    NotFound,
    /// Too many wrong ones came from there.
    TooMany,
    /// The store cannot be asked.
    Unavailable,
}

/// See the module.
pub struct Finder {
    index: Arc<dyn Tracking>,
    known: Arc<Known>,
    turns: Arc<Semaphore>,
    misses: FailedAttempts,
}

impl Finder {
    /// Looks tokens up in `index`. A peer may send `misses_per_minute` wrong ones; then it gets no answer for a while,
    /// except for tokens that were found before.
    #[must_use]
    pub fn new(index: Arc<dyn Tracking>, misses_per_minute: u32) -> Self {
        Self {
            index,
            known: Arc::default(),
            turns: Arc::new(Semaphore::new(MAX_LOOKUPS)),
            misses: FailedAttempts::new(misses_per_minute),
        }
    }

    /// The payout this token belongs to. `peer` is who asks, where that is known.
    ///
    /// # Errors
    /// Where it leads nowhere.
    pub async fn find(&self, token: &str, peer: Option<IpAddr>) -> Result<PayoutId, Lost> {
        let found = self.look(token, peer).await;
        let label = match found {
            Ok(_) => "found",
            Err(Lost::NotFound) => "not_found",
            Err(Lost::TooMany) => "throttled",
            Err(Lost::Unavailable) => "unavailable",
        };
        metrics::counter!("payoutd_tracking_lookups_total", "result" => label).increment(1);
        found
    }

    async fn look(&self, text: &str, peer: Option<IpAddr>) -> Result<PayoutId, Lost> {
        let token = read(text);
        if let Some(known) = token.and_then(|token| self.known.get(token)) {
            return Ok(known);
        }
        if self.misses.is_blocked(peer) {
            return Err(Lost::TooMany);
        }
        let found = match token {
            Some(token) => self.ask(token).await?,
            None => None,
        };
        found.ok_or_else(|| {
            self.misses.record(peer);
            Lost::NotFound
        })
    }

    async fn ask(&self, token: TrackingToken) -> Result<Option<PayoutId>, Lost> {
        let turn = tokio::time::timeout(MAX_WAIT, Arc::clone(&self.turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Err(Lost::Unavailable) };
        // Many may have waited for the same answer; one of them got it.
        if let Some(known) = self.known.get(token) {
            return Ok(Some(known));
        }
        let (index, known) = (Arc::clone(&self.index), Arc::clone(&self.known));
        // In a task of its own: the turn ends with the question to the store, not with a client that hangs up.
        let asked = tokio::spawn(async move {
            let found = index.payout_by_token(token).await;
            if let Ok(Some(id)) = found {
                known.insert(token, id);
            }
            drop(turn);
            found
        });
        match asked.await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => {
                tracing::warn!(%error, "a tracking token could not be looked up");
                Err(Lost::Unavailable)
            }
            Err(error) => {
                tracing::error!(%error, "looking up a tracking token did not end");
                Err(Lost::Unavailable)
            }
        }
    }
}

/// Tokens that were found before.
#[derive(Default)]
struct Known(RwLock<HashMap<TrackingToken, PayoutId>>);

impl Known {
    fn get(&self, token: TrackingToken) -> Option<PayoutId> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&token).copied()
    }

    fn insert(&self, token: TrackingToken, id: PayoutId) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_KNOWN {
            // Forgetting costs lookups, of which there is a limit as well.
            known.clear();
        }
        known.insert(token, id);
    }
}

/// The token, where `text` is exactly how one is printed.
pub fn read(text: &str) -> Option<TrackingToken> {
    let canonical = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    canonical.then(|| Uuid::try_parse(text).ok().map(TrackingToken)).flatten()
}
