//! Signed quote ids. A forged id, or one of another account, is refused without a database query.
//!
//! An id is `quo_`, a nonce of 16 bytes in hex, and a tag in hex: the HMAC-SHA256 of mode, organisation and nonce,
//! truncated to 16 bytes. The nonce of a live quote is a random UUID v7. The nonce of a sandbox quote is an HMAC of
//! organisation and request, so that the same request has the same id. Each use of the key has its own domain string, and
//! every part is preceded by its length.

#[cfg(test)]
mod tests;

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use payoutd_domain::{InvalidId, Mode, OrgId, PayoutId, QuoteId, Timestamp, TrackingToken};
use serde::{Deserialize, Deserializer};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use uuid::{Builder, Uuid};

const PREFIX: &str = "quo_";
/// The length of a nonce and of a tag, in bytes.
const BYTES: usize = 16;
const HEX_DIGITS: usize = 2 * BYTES;

/// The key that signs quote ids. It cannot be read, printed or logged.
#[derive(Clone)]
pub struct SigningKey(Hmac<Sha256>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be at least {} bytes long", SigningKey::MIN_BYTES)]
pub struct WeakKey;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SigningError {
    #[error("the random generator failed: {0}")]
    Randomness(#[from] getrandom::Error),
    #[error("the signed id {0}")]
    Id(#[from] InvalidId),
}

impl SigningKey {
    pub const MIN_BYTES: usize = 16;

    /// # Errors
    /// Returns `WeakKey` if `secret` has fewer than 16 bytes.
    pub fn new(secret: &[u8]) -> Result<Self, WeakKey> {
        if secret.len() < Self::MIN_BYTES {
            return Err(WeakKey);
        }
        Hmac::new_from_slice(secret).map(Self).map_err(|_| WeakKey)
    }

    fn tag(&self, domain: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.clone();
        for part in [domain.as_bytes()].iter().chain(parts) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    fn short_tag(&self, domain: &str, parts: &[&[u8]]) -> [u8; BYTES] {
        let mut short = [0; BYTES];
        short.copy_from_slice(&self.tag(domain, parts)[..BYTES]);
        short
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

impl<'de> Deserialize<'de> for SigningKey {
    /// Reads the key from the bytes of a text. The error does not contain them.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?.as_bytes()).map_err(serde::de::Error::custom)
    }
}

/// Creates and verifies quote ids. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Signer {
    key: SigningKey,
}

/// The input of a sandbox quote id, besides the organisation. Address, symbol and amount are canonical, so that different
/// spellings of a request have the same id.
#[derive(Debug, Clone, Copy)]
pub struct SandboxRequest<'a> {
    pub external_ref: &'a str,
    /// Canonical.
    pub destination: &'a str,
    /// In uppercase.
    pub asset: &'a str,
    /// Canonical.
    pub amount: &'a str,
    /// In lowercase.
    pub network_hint: Option<&'a str>,
}

impl Signer {
    #[must_use]
    pub fn new(key: SigningKey) -> Self {
        Self { key }
    }

    /// Creates an id for a live quote.
    ///
    /// # Errors
    /// Returns `SigningError::Randomness` if the operating system's random generator fails.
    pub fn live_quote_id(&self, org: OrgId, now: Timestamp) -> Result<QuoteId, SigningError> {
        let mut random = [0; 10];
        getrandom::fill(&mut random)?;
        let millis = now.micros().unsigned_abs() / 1_000;
        let nonce = Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
        self.sign(org, Mode::Live, nonce)
    }

    /// The id of the sandbox quote for this request.
    ///
    /// # Errors
    /// None is known: a signed id is always a valid quote id.
    pub fn sandbox_quote_id(
        &self,
        org: OrgId,
        request: &SandboxRequest<'_>,
    ) -> Result<QuoteId, SigningError> {
        let SandboxRequest { external_ref, destination, asset, amount, network_hint } = request;
        let texts = [external_ref, destination, asset, amount];
        let mut parts: Vec<&[u8]> = vec![org.0.as_bytes()];
        parts.extend(texts.map(|text| text.as_bytes()));
        // A missing hint adds no part, so it differs from an empty one.
        parts.extend(network_hint.map(str::as_bytes));
        self.sign(org, Mode::Test, Uuid::from_bytes(self.key.short_tag("sandbox-quote", &parts)))
    }

    /// Whether this key signed the id for this organisation and mode. Runs in constant time.
    #[must_use]
    pub fn verify(&self, id: &QuoteId, org: OrgId, mode: Mode) -> bool {
        let Some((nonce, tag)) = parse(id.as_str()) else { return false };
        self.quote_tag(org, mode, nonce).ct_eq(tag.as_bytes()).into()
    }

    /// Parses a quote id and verifies it.
    ///
    /// # Errors
    /// Returns `InvalidId` if the text is malformed or forged, or the id belongs to another organisation or mode.
    pub fn parse_quote_id(&self, text: &str, org: OrgId, mode: Mode) -> Result<QuoteId, InvalidId> {
        let id: QuoteId = text.parse()?;
        if self.verify(&id, org, mode) { Ok(id) } else { Err(InvalidId { expected: "quote id" }) }
    }

    /// The id of the payout that a sandbox quote creates. It is a UUID v8, so it cannot equal the id of a live payout,
    /// which is a UUID v7.
    #[must_use]
    pub fn sandbox_payout_id(&self, org: OrgId, quote: &QuoteId) -> PayoutId {
        let parts = [org.0.as_bytes().as_slice(), quote.as_str().as_bytes()];
        PayoutId(Builder::from_custom_bytes(self.key.short_tag("sandbox-payout", &parts)).into_uuid())
    }

    /// The tracking token of a sandbox payout: 128 bits that cannot be derived from the id without the key.
    #[must_use]
    pub fn sandbox_tracking_token(&self, payout: PayoutId) -> TrackingToken {
        let tag = self.key.short_tag("sandbox-tracking", &[payout.0.as_bytes()]);
        TrackingToken(Builder::from_bytes(tag).into_uuid())
    }

    /// The tag that authenticates a page cursor. It binds `position` to the query that it belongs to.
    #[must_use]
    pub fn cursor_tag(&self, query: &[u8], position: &[u8]) -> [u8; 16] {
        self.key.short_tag("cursor-v1", &[query, position])
    }

    fn quote_tag(&self, org: OrgId, mode: Mode, nonce: Uuid) -> [u8; BYTES] {
        self.key.short_tag("quote-v1", &[mode.as_str().as_bytes(), org.0.as_bytes(), nonce.as_bytes()])
    }

    fn sign(&self, org: OrgId, mode: Mode, nonce: Uuid) -> Result<QuoteId, SigningError> {
        let tag = Uuid::from_bytes(self.quote_tag(org, mode, nonce));
        Ok(format!("{PREFIX}{}{}", nonce.simple(), tag.simple()).parse()?)
    }
}

/// Splits an id into nonce and tag. Only the canonical spelling is accepted.
fn parse(id: &str) -> Option<(Uuid, Uuid)> {
    let (nonce, tag) = id.strip_prefix(PREFIX)?.split_at_checked(HEX_DIGITS)?;
    Some((parse_hex(nonce)?, parse_hex(tag)?))
}

fn parse_hex(text: &str) -> Option<Uuid> {
    let lowercase = text.len() == HEX_DIGITS && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if lowercase { Uuid::try_parse(text).ok() } else { None }
}
