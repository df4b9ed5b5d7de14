//! The formats of blockchain addresses.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Networks whose addresses have the same format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressFamily {
    /// Ethereum and the networks that share its addresses: `0x` and 40 hex digits.
    Evm,
    /// Tron: base58check of `0x41` and 20 bytes, written as `T…`.
    Tron,
    /// Solana: base58 of 32 bytes, without a checksum.
    Solana,
    /// Bitcoin: `bc1…`, `1…` and `3…`.
    Bitcoin,
}

impl AddressFamily {
    /// Every family.
    pub const ALL: [Self; 4] = [Self::Evm, Self::Tron, Self::Solana, Self::Bitcoin];

    /// The name in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Evm => "evm",
            Self::Tron => "tron",
            Self::Solana => "solana",
            Self::Bitcoin => "bitcoin",
        }
    }
}

impl fmt::Display for AddressFamily {
    /// The name for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Evm => "EVM",
            Self::Tron => "Tron",
            Self::Solana => "Solana",
            Self::Bitcoin => "Bitcoin",
        })
    }
}
