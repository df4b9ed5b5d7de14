//! Signed quote ids: a forged or foreign id is refused without asking a database.
//!
//! An id is `quo_`, a nonce of 16 bytes in hex, and HMAC-SHA256 over mode, organisation and nonce, cut to 16 bytes, in
//! hex. A live nonce is a random UUID v7. A sandbox nonce is a keyed function of organisation and request, so that the
//! same request has the same quote. Each use of the key has its own domain, and every part is preceded by its length.

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
/// The length of a nonce, and of a tag.
const BYTES: usize = 16;
const HEX_DIGITS: usize = 2 * BYTES;

/// The key quote ids are signed with. It cannot be read back, printed or logged.
#[derive(Clone)]
pub struct SigningKey(Hmac<Sha256>);

/// A signing key that is too short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be at least {} bytes long", SigningKey::MIN_BYTES)]
pub struct WeakKey;

/// Why a quote could not be given an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SigningError {
    /// The system has no randomness to give.
    #[error("no randomness: {0}")]
    Randomness(#[from] getrandom::Error),
    /// The id would be none.
    #[error("the signed id {0}")]
    Id(#[from] InvalidId),
}

impl SigningKey {
    /// The shortest key.
    pub const MIN_BYTES: usize = 16;

    /// The key made of these bytes.
    ///
    /// # Errors
    /// Refuses fewer than 16 bytes.
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
    /// The bytes of a text. An error does not repeat them.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?.as_bytes()).map_err(serde::de::Error::custom)
    }
}

/// Makes quote ids, and recognises its own. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Signer {
    key: SigningKey,
}

/// What a sandbox quote is a function of, besides the organisation. The address, symbol and amount are canonical, so
/// spellings of one request have one quote.
#[derive(Debug, Clone, Copy)]
pub struct SandboxRequest<'a> {
    /// The partner's own reference.
    pub external_ref: &'a str,
    /// The recipient's address, canonical.
    pub destination: &'a str,
    /// The asset's symbol in capitals.
    pub asset: &'a str,
    /// The amount, canonical.
    pub amount: &'a str,
    /// The network asked for, in lowercase.
    pub network_hint: Option<&'a str>,
}

impl Signer {
    /// A signer with this key.
    #[must_use]
    pub fn new(key: SigningKey) -> Self {
        Self { key }
    }

    /// A new id for a live quote given `now`.
    ///
    /// # Errors
    /// Where the system has no randomness to give.
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
    /// Never, as far as known: a signed id is always a quote id.
    pub fn sandbox_quote_id(
        &self,
        org: OrgId,
        request: &SandboxRequest<'_>,
    ) -> Result<QuoteId, SigningError> {
        let SandboxRequest { external_ref, destination, asset, amount, network_hint } = request;
        let texts = [external_ref, destination, asset, amount];
        let mut parts: Vec<&[u8]> = vec![org.0.as_bytes()];
        parts.extend(texts.map(|text| text.as_bytes()));
        // No hint is one part fewer: not the same as an empty one.
        parts.extend(network_hint.map(str::as_bytes));
        self.sign(org, Mode::Test, Uuid::from_bytes(self.key.short_tag("sandbox-quote", &parts)))
    }

    /// Whether this signer gave the id to this organisation, in this mode. Takes the same time whatever differs.
    #[must_use]
    pub fn verify(&self, id: &QuoteId, org: OrgId, mode: Mode) -> bool {
        let Some((nonce, tag)) = read(id.as_str()) else { return false };
        self.quote_tag(org, mode, nonce).ct_eq(tag.as_bytes()).into()
    }

    /// The id a text spells, where [`verify`](Self::verify) holds for it. Anything else is no id.
    ///
    /// # Errors
    /// Where the text is malformed, forged, or the id of another organisation or mode.
    pub fn parse_quote_id(&self, text: &str, org: OrgId, mode: Mode) -> Result<QuoteId, InvalidId> {
        let id: QuoteId = text.parse()?;
        if self.verify(&id, org, mode) { Ok(id) } else { Err(InvalidId { expected: "quote id" }) }
    }

    /// The id of the payout that a sandbox quote makes: the same for ever. A UUID of version 8, so it never meets a
    /// live payout's, which are of version 7.
    #[must_use]
    pub fn sandbox_payout_id(&self, org: OrgId, quote: &QuoteId) -> PayoutId {
        let parts = [org.0.as_bytes().as_slice(), quote.as_str().as_bytes()];
        PayoutId(Builder::from_custom_bytes(self.key.short_tag("sandbox-payout", &parts)).into_uuid())
    }

    /// The tracking token of a sandbox payout: 128 bits that only the key's holder can tell from the id.
    #[must_use]
    pub fn sandbox_tracking_token(&self, payout: PayoutId) -> TrackingToken {
        let tag = self.key.short_tag("sandbox-tracking", &[payout.0.as_bytes()]);
        TrackingToken(Builder::from_bytes(tag).into_uuid())
    }

    /// What proves that a place in a list was given out by us, for that very list.
    #[must_use]
    pub fn cursor_tag(&self, list: &[u8], place: &[u8]) -> [u8; 16] {
        self.key.short_tag("cursor-v1", &[list, place])
    }

    fn quote_tag(&self, org: OrgId, mode: Mode, nonce: Uuid) -> [u8; BYTES] {
        self.key.short_tag("quote-v1", &[mode.as_str().as_bytes(), org.0.as_bytes(), nonce.as_bytes()])
    }

    fn sign(&self, org: OrgId, mode: Mode, nonce: Uuid) -> Result<QuoteId, SigningError> {
        let tag = Uuid::from_bytes(self.quote_tag(org, mode, nonce));
        Ok(format!("{PREFIX}{}{}", nonce.simple(), tag.simple()).parse()?)
    }
}

/// The nonce and the tag of an id, in the one spelling that is ever given out.
fn read(id: &str) -> Option<(Uuid, Uuid)> {
    let (nonce, tag) = id.strip_prefix(PREFIX)?.split_at_checked(HEX_DIGITS)?;
    Some((read_hex(nonce)?, read_hex(tag)?))
}

fn read_hex(text: &str) -> Option<Uuid> {
    let lowercase = text.len() == HEX_DIGITS && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if lowercase { Uuid::try_parse(text).ok() } else { None }
}
