//! Who calls: `Authorization: Bearer sk_…`, or the bare key.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use payoutd_actors::payout::{Mode, OrgId};
use payoutd_actors::ports::{Clock, Unavailable};
use uuid::Uuid;

use super::envelope::Exchange;
use super::key_cache::{KeyCache, KeyCacheConfig};
use super::router::Edge;
use super::{Code, Problem};
use crate::keys::{KeyDigest, KeyStore};

/// Whom a request speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Principal {
    /// The organisation.
    pub org: OrgId,
    /// Whether it speaks of real money.
    pub mode: Mode,
    /// The key it used.
    pub key_id: Uuid,
}

/// Knows callers by their keys.
pub struct Authenticator {
    cache: KeyCache,
    clock: Arc<dyn Clock>,
}

/// Why a caller is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
enum AuthError {
    /// Nobody learns more than that.
    Refused,
    Unavailable(Unavailable),
}

impl Authenticator {
    /// An authenticator over `keys`.
    #[must_use]
    pub fn new(keys: Arc<dyn KeyStore>, clock: Arc<dyn Clock>, config: KeyCacheConfig) -> Self {
        Self { cache: KeyCache::new(keys, config), clock }
    }

    async fn authenticate(&self, headers: &HeaderMap) -> Result<Principal, AuthError> {
        let presented = presented_key(headers).ok_or(AuthError::Refused)?;
        let mode = mode_of(presented).ok_or(AuthError::Refused)?;
        let found = self.cache.find(KeyDigest::of(presented)).await.map_err(AuthError::Unavailable)?;
        let key = found.ok_or(AuthError::Refused)?;
        if key.mode != mode || !key.is_valid_at(self.clock.now()) {
            return Err(AuthError::Refused);
        }
        Ok(Principal { org: key.org, mode: key.mode, key_id: key.id })
    }
}

/// The key in the one `Authorization` header. Two headers are refused: nobody can say which one a proxy checked.
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

/// The longest key worth a lookup, in characters.
const MAX_KEY_LEN: usize = 128;

/// The mode a well-formed key says it opens.
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

impl FromRequestParts<Edge> for Principal {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &Edge) -> Result<Self, Problem> {
        match edge.authenticator.authenticate(&parts.headers).await {
            Ok(principal) => {
                if let Some(exchange) = parts.extensions.get::<Arc<Exchange>>() {
                    exchange.speaks_for(principal);
                }
                Ok(principal)
            }
            Err(AuthError::Refused) => Err(Problem::new(
                Code::InvalidApiKey,
                "Send a valid API key: `Authorization: Bearer sk_live_…` or `sk_test_…`.",
            )),
            Err(AuthError::Unavailable(error)) => {
                tracing::warn!(%error, "an API key could not be looked up");
                Err(Problem::unavailable())
            }
        }
    }
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
    fn a_key_comes_bare_or_as_a_bearer_token_and_alone() {
        for good in ["sk_live_a", "Bearer sk_live_a", "bEARER   sk_live_a", " Bearer sk_live_a "] {
            assert_eq!(key(&[good]).as_deref(), Some("sk_live_a"), "{good}");
        }
        assert_eq!(key(&[]), None);
        assert_eq!(key(&["Basic c2s6"]), None);
        assert_eq!(key(&["Bearer sk_live_a", "Bearer sk_live_a"]), None);
    }

    #[test]
    fn only_well_formed_keys_are_worth_a_lookup() {
        assert_eq!(mode_of("sk_live_0f"), Some(Mode::Live));
        assert_eq!(mode_of("sk_test_0f"), Some(Mode::Test));
        let long = format!("sk_live_{}", "a".repeat(121));
        for bad in ["", "sk_live_", "sk_demo_0f", "SK_LIVE_0f", "sk_live_0 f", "sk_live_é", "Bearer", &long]
        {
            assert_eq!(mode_of(bad), None, "{bad}");
        }
    }
}
