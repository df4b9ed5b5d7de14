//! The secret of an API key and its digest.

use std::fmt;

use payoutd_domain::Mode;
use sha2::{Digest, Sha256};

/// A secret API key: `sk_live_` or `sk_test_` and 64 hex digits (256 random bits).
pub struct SecretKey(String);

impl SecretKey {
    /// Generates a random key.
    ///
    /// # Errors
    /// Returns the error of the operating system's random generator.
    pub fn generate(mode: Mode) -> Result<Self, getrandom::Error> {
        let mut bytes = [0u8; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(format!("sk_{mode}_{}", hex::encode(bytes))))
    }

    /// The key as text, to be shown once.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The last four characters.
    #[must_use]
    pub fn hint(&self) -> &str {
        &self.0[self.0.len() - 4..]
    }

    #[must_use]
    pub fn digest(&self) -> KeyDigest {
        KeyDigest::of(&self.0)
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

/// The SHA-256 of a key. Keys have 256 random bits, so neither a salt nor a slow hash is needed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyDigest(pub [u8; 32]);

impl KeyDigest {
    /// The digest of a key as text.
    #[must_use]
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }
}

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyDigest(…)")
    }
}
