//! Finds the payout of a tracking token, with protection against guessing.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use payoutd_domain::{PayoutId, TrackingToken};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::TokenIndex;
use crate::runtime::detached::run_to_completion;
use crate::runtime::rate_limit::FailedAttempts;

/// The most tokens that are cached. Entries never become stale, because a token belongs to one payout forever.
const MAX_CACHED: usize = 50_000;
/// The most concurrent queries, so that public requests cannot exhaust the database.
const MAX_QUERIES: usize = 4;
/// How long a request waits for a query permit.
const MAX_WAIT: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookupError {
    /// The text is not a token, or no payout has it. The response does not tell which.
    NotFound,
    /// The peer has exceeded the rate of failed lookups.
    TooMany,
    /// The store cannot be read.
    Unavailable,
}

/// Finds payouts by their tracking tokens.
pub struct TokenLookup {
    index: Arc<dyn TokenIndex>,
    cache: Arc<TokenCache>,
    query_permits: Arc<Semaphore>,
    failed_attempts: FailedAttempts,
}

impl TokenLookup {
    /// A peer may look up `misses_per_minute` wrong tokens a minute. After that only cached tokens are found for it, until
    /// the rate allows another attempt.
    #[must_use]
    pub fn new(index: Arc<dyn TokenIndex>, misses_per_minute: u32) -> Self {
        Self {
            index,
            cache: Arc::default(),
            query_permits: Arc::new(Semaphore::new(MAX_QUERIES)),
            failed_attempts: FailedAttempts::new(misses_per_minute),
        }
    }

    /// Returns the payout of this token. `peer` is the address of the client, if it is known.
    ///
    /// # Errors
    /// Returns `NotFound` if no payout has this token, `TooMany` if the peer has looked up too many wrong tokens,
    /// `Unavailable` if the store cannot be read in time.
    pub async fn find(&self, token: &str, peer: Option<IpAddr>) -> Result<PayoutId, LookupError> {
        let found = self.find_uncounted(token, peer).await;
        let label = match found {
            Ok(_) => "found",
            Err(LookupError::NotFound) => "not_found",
            Err(LookupError::TooMany) => "throttled",
            Err(LookupError::Unavailable) => "unavailable",
        };
        metrics::counter!("payoutd_tracking_lookups_total", "result" => label).increment(1);
        found
    }

    async fn find_uncounted(&self, text: &str, peer: Option<IpAddr>) -> Result<PayoutId, LookupError> {
        let token = parse_token(text);
        if let Some(cached) = token.and_then(|token| self.cache.get(token)) {
            return Ok(cached);
        }
        if self.failed_attempts.is_blocked(peer) {
            return Err(LookupError::TooMany);
        }
        let found = match token {
            Some(token) => self.query(token).await?,
            None => None,
        };
        found.ok_or_else(|| {
            self.failed_attempts.record(peer);
            LookupError::NotFound
        })
    }

    async fn query(&self, token: TrackingToken) -> Result<Option<PayoutId>, LookupError> {
        let permit = tokio::time::timeout(MAX_WAIT, Arc::clone(&self.query_permits).acquire_owned()).await;
        let Ok(Ok(permit)) = permit else { return Err(LookupError::Unavailable) };
        // A concurrent request may have found the token while this one waited.
        if let Some(cached) = self.cache.get(token) {
            return Ok(Some(cached));
        }
        let (index, cache) = (Arc::clone(&self.index), Arc::clone(&self.cache));
        // A separate task holds the permit until the query ends, also if the client disconnects.
        let query = run_to_completion(async move {
            let found = index.payout_by_token(token).await;
            if let Ok(Some(id)) = found {
                cache.insert(token, id);
            }
            drop(permit);
            found
        });
        match query.await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => {
                tracing::warn!(%error, "could not look up a tracking token");
                Err(LookupError::Unavailable)
            }
            Err(error) => {
                tracing::error!(%error, "the lookup of a tracking token panicked");
                Err(LookupError::Unavailable)
            }
        }
    }
}

/// Tokens that were found before.
#[derive(Default)]
struct TokenCache(RwLock<HashMap<TrackingToken, PayoutId>>);

impl TokenCache {
    fn get(&self, token: TrackingToken) -> Option<PayoutId> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&token).copied()
    }

    fn insert(&self, token: TrackingToken, id: PayoutId) {
        let mut cached = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if cached.len() >= MAX_CACHED {
            // The queries that follow are bounded by the query permits.
            cached.clear();
        }
        cached.insert(token, id);
    }
}

/// Parses a token. Only the canonical spelling is accepted.
pub fn parse_token(text: &str) -> Option<TrackingToken> {
    let canonical = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    canonical.then(|| Uuid::try_parse(text).ok().map(TrackingToken)).flatten()
}
