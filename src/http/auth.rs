//! Who calls: `Authorization: Bearer sk_…`, or the bare key.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use payoutd_actors::ports::{Clock, Unavailable};
use payoutd_domain::{Mode, OrgId};
use uuid::Uuid;

use super::envelope::Exchange;
use super::key_cache::{KeyCache, KeyCacheConfig};
use super::limits::Standing;
use super::router::ApiState;
use super::{Code, Problem};
use crate::api_keys::{ApiKeyStore, KeyDigest};
use crate::runtime::rate_limit::FailedAttempts;

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
    refusals: Option<FailedAttempts>,
}

/// Why a caller is not known.
#[derive(Debug)]
enum AuthError {
    /// Nobody learns more than that.
    Refused,
    /// Too many were refused to the same peer.
    TooMany(Standing),
    Unavailable(Unavailable),
}

impl Authenticator {
    /// An authenticator over `keys`.
    #[must_use]
    pub fn new(keys: Arc<dyn ApiKeyStore>, clock: Arc<dyn Clock>, config: KeyCacheConfig) -> Self {
        Self { cache: KeyCache::new(keys, config), clock, refusals: None }
    }

    /// The same, refusing at most so many keys a minute to one peer: then it gets no answer for a while, except to
    /// keys that were good a moment ago. 0 for no limit.
    #[must_use]
    pub fn throttled(self, refused_per_minute: u32) -> Self {
        Self { refusals: (refused_per_minute > 0).then(|| FailedAttempts::new(refused_per_minute)), ..self }
    }

    async fn authenticate(&self, headers: &HeaderMap, peer: Option<IpAddr>) -> Result<Principal, AuthError> {
        let presented = well_formed_key(headers).map(|(mode, key)| (mode, KeyDigest::of(key)));
        self.check_peer(presented.as_ref().map(|(_, digest)| digest), peer)?;
        let known = match presented {
            Some((mode, digest)) => self.look_up(mode, digest).await,
            None => Err(AuthError::Refused),
        };
        if let (Err(AuthError::Refused), Some(refusals)) = (&known, &self.refusals) {
            refusals.record(peer);
        }
        known
    }

    fn check_peer(&self, presented: Option<&KeyDigest>, peer: Option<IpAddr>) -> Result<(), AuthError> {
        let Some(refusals) = &self.refusals else { return Ok(()) };
        let level = refusals.level(peer);
        if level.remaining > 0 || presented.is_some_and(|digest| self.cache.knows(digest)) {
            return Ok(());
        }
        Err(AuthError::TooMany(Standing { policy: "refused-keys", rate: refusals.rate(), level }))
    }

    async fn look_up(&self, mode: Mode, digest: KeyDigest) -> Result<Principal, AuthError> {
        let found = self.cache.find(digest).await.map_err(AuthError::Unavailable)?;
        let key = found.ok_or(AuthError::Refused)?;
        if key.mode != mode || !key.is_valid_at(self.clock.now()) {
            return Err(AuthError::Refused);
        }
        Ok(Principal { org: key.org, mode: key.mode, key_id: key.id })
    }
}

/// The key that is presented, where it can be one, and the mode it says it opens.
pub(super) fn well_formed_key(headers: &HeaderMap) -> Option<(Mode, &str)> {
    let key = presented_key(headers)?;
    Some((mode_of(key)?, key))
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

impl FromRequestParts<ApiState> for Principal {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &ApiState) -> Result<Self, Problem> {
        let exchange = parts.extensions.get::<Arc<Exchange>>();
        let stands = |standing: Standing| exchange.map_or((), |exchange| exchange.stands(standing));
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
        match edge.authenticator.authenticate(&parts.headers, peer).await {
            Ok(principal) => {
                if let Some(exchange) = exchange {
                    exchange.speaks_for(principal);
                }
                let Some((enough, standing)) = edge.limits.call(principal, &parts.method) else {
                    return Ok(principal);
                };
                stands(standing);
                if enough {
                    return Ok(principal);
                }
                Err(standing.refusal("This key calls more often than it may; see the RateLimit headers."))
            }
            Err(AuthError::TooMany(standing)) => {
                stands(standing);
                Err(standing.refusal("Too many API keys from this address were refused."))
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
