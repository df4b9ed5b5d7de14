//! Authentication with an API key: `Authorization: Bearer sk_…`, or the key without a scheme.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::{HeaderMap, header};
use payoutd_actors::ports::{Clock, Unavailable};
use payoutd_domain::Mode;

use super::key_cache::{KeyCache, KeyCacheConfig};
use crate::api_keys::{ApiKeyStore, KeyDigest};
use crate::http::middleware::rate_limit::RateLimitStatus;
use crate::http::principal::Principal;
use crate::runtime::rate_limit::FailedAttempts;

/// Identifies callers by their API keys.
pub struct Authenticator {
    cache: KeyCache,
    clock: Arc<dyn Clock>,
    failed_attempts: Option<FailedAttempts>,
}

/// Why a caller is not authenticated.
#[derive(Debug)]
pub(in crate::http) enum AuthError {
    /// The key is missing, malformed, unknown, expired or of the other mode. The caller does not learn which.
    InvalidKey,
    /// Too many keys from the same address were invalid.
    TooManyAttempts(RateLimitStatus),
    Unavailable(Unavailable),
}

impl Authenticator {
    #[must_use]
    pub fn new(keys: Arc<dyn ApiKeyStore>, clock: Arc<dyn Clock>, config: KeyCacheConfig) -> Self {
        Self { cache: KeyCache::new(keys, config), clock, failed_attempts: None }
    }

    /// Limits the number of invalid keys per minute and address. Above the limit, requests from that address are refused
    /// unless their key is in the cache of existing keys. 0 disables the limit.
    #[must_use]
    pub fn limit_failed_attempts(self, per_minute: u32) -> Self {
        Self { failed_attempts: (per_minute > 0).then(|| FailedAttempts::new(per_minute)), ..self }
    }

    /// Identifies the caller. `peer` is the address that failed attempts are counted for.
    pub(in crate::http) async fn authenticate(
        &self,
        headers: &HeaderMap,
        peer: Option<IpAddr>,
    ) -> Result<Principal, AuthError> {
        let presented = well_formed_key(headers).map(|(mode, key)| (mode, KeyDigest::of(key)));
        self.check_peer(presented.as_ref().map(|(_, digest)| digest), peer)?;
        let result = match presented {
            Some((mode, digest)) => self.look_up(mode, digest).await,
            None => Err(AuthError::InvalidKey),
        };
        if let (Err(AuthError::InvalidKey), Some(failed_attempts)) = (&result, &self.failed_attempts) {
            failed_attempts.record(peer);
        }
        result
    }

    fn check_peer(&self, presented: Option<&KeyDigest>, peer: Option<IpAddr>) -> Result<(), AuthError> {
        let Some(failed_attempts) = &self.failed_attempts else { return Ok(()) };
        let level = failed_attempts.level(peer);
        if level.remaining > 0 || presented.is_some_and(|digest| self.cache.contains(digest)) {
            return Ok(());
        }
        let rate = failed_attempts.rate();
        Err(AuthError::TooManyAttempts(RateLimitStatus { policy: "refused-keys", rate, level }))
    }

    async fn look_up(&self, mode: Mode, digest: KeyDigest) -> Result<Principal, AuthError> {
        let found = self.cache.find(digest).await.map_err(AuthError::Unavailable)?;
        let key = found.ok_or(AuthError::InvalidKey)?;
        if key.mode != mode || !key.is_valid_at(self.clock.now()) {
            return Err(AuthError::InvalidKey);
        }
        Ok(Principal { org: key.org, mode: key.mode, key_id: key.id })
    }
}

/// The presented key if it is well-formed, and the mode that its prefix names.
pub(in crate::http) fn well_formed_key(headers: &HeaderMap) -> Option<(Mode, &str)> {
    let key = presented_key(headers)?;
    Some((mode_of(key)?, key))
}

/// The key of the only `Authorization` header. Two headers are refused, because a proxy may have checked either one.
fn presented_key(headers: &HeaderMap) -> Option<&str> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let value = given.next()?.to_str().ok()?.trim();
    if given.next().is_some() {
        return None;
    }
    match value.split_once(' ') {
        None => Some(value),
        Some((scheme, key)) => scheme.eq_ignore_ascii_case("bearer").then(|| key.trim_start()),
    }
}

/// The maximum length of a key, in characters.
const MAX_KEY_LEN: usize = 128;

/// The mode that the prefix of a well-formed key names.
fn mode_of(key: &str) -> Option<Mode> {
    let (mode, secret) = if let Some(secret) = key.strip_prefix("sk_live_") {
        (Mode::Live, secret)
    } else {
        (Mode::Test, key.strip_prefix("sk_test_")?)
    };
    let well_formed =
        !secret.is_empty() && key.len() <= MAX_KEY_LEN && secret.bytes().all(|b| b.is_ascii_alphanumeric());
    well_formed.then_some(mode)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(values: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, value.parse().unwrap());
        }
        presented_key(&headers).map(str::to_owned)
    }

    #[test]
    fn a_key_is_accepted_with_or_without_the_bearer_scheme_in_a_single_header() {
        for good in ["sk_live_a", "Bearer sk_live_a", "bEARER   sk_live_a", " Bearer sk_live_a "] {
            assert_eq!(key(&[good]).as_deref(), Some("sk_live_a"), "{good}");
        }
        assert_eq!(key(&[]), None);
        assert_eq!(key(&["Basic c2s6"]), None);
        assert_eq!(key(&["Bearer sk_live_a", "Bearer sk_live_a"]), None);
    }

    #[test]
    fn only_well_formed_keys_are_looked_up() {
        assert_eq!(mode_of("sk_live_0f"), Some(Mode::Live));
        assert_eq!(mode_of("sk_test_0f"), Some(Mode::Test));
        let long = format!("sk_live_{}", "a".repeat(121));
        for bad in ["", "sk_live_", "sk_demo_0f", "SK_LIVE_0f", "sk_live_0 f", "sk_live_é", "Bearer", &long]
        {
            assert_eq!(mode_of(bad), None, "{bad}");
        }
    }
}
