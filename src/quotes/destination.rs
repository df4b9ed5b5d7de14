//! Destinations: which kind of address a text is, and whether its checksum holds.
//!
//! One file per address family. What cannot be told from a wrong address for certain is refused: money sent to a
//! mistyped address is gone.

mod base58;
mod bitcoin;
mod evm;
mod solana;
#[cfg(test)]
mod tests;
mod tron;

pub use payoutd_domain::AddressFamily;

/// What exactly is wrong with an address. None of these repeats the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// It resembles no family's addresses.
    #[error("is not an EVM, Tron, Solana or Bitcoin address")]
    UnknownShape,
    /// An EVM address that does not start with `0x`.
    #[error("looks like an EVM address, but does not start with 0x")]
    MissingPrefix,
    /// Too long or too short.
    #[error("has the wrong length for an address on {family}: it must be {expected}, and is {found}")]
    WrongLength {
        /// Which family it resembles.
        family: AddressFamily,
        /// The right length, with its unit.
        expected: &'static str,
        /// The length found, in the same unit.
        found: usize,
    },
    /// A character the encoding does not have.
    #[error("has a character at position {position} that no {family} address has")]
    BadCharacter {
        /// Which family it resembles.
        family: AddressFamily,
        /// Where it stands, from 1.
        position: usize,
    },
    /// Capitals and small letters in an encoding that allows only one of them.
    #[error("mixes capital and small letters, which a {0} address of this kind never does")]
    MixedCase(AddressFamily),
    /// The checksum does not hold: a character is wrong or missing.
    #[error("has a bad {family} checksum ({checksum}): a character is wrong")]
    BadChecksum {
        /// Which family it resembles.
        family: AddressFamily,
        /// The checksum's name.
        checksum: &'static str,
    },
    /// The checksum holds, but the content is no address.
    #[error("is well formed, but is not a {family} address: {reason}")]
    Malformed {
        /// Which family it resembles.
        family: AddressFamily,
        /// Why not.
        reason: &'static str,
    },
    /// An address of a test network.
    #[error("is a {0} test network address")]
    TestNetwork(AddressFamily),
    /// An address nobody has the key of, such as all zeros.
    #[error("is the {0} zero address: nobody could ever receive funds there")]
    ZeroAddress(AddressFamily),
    /// A sound address of another family than the network asked for takes.
    #[error("is a {found} address, but the network asked for takes {expected} addresses")]
    OtherFamily {
        /// What the network takes.
        expected: AddressFamily,
        /// What it is.
        found: AddressFamily,
    },
}

/// An address whose shape and checksum were verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    family: AddressFamily,
    address: Box<str>,
}

impl Destination {
    /// Reads an address of whatever family its shape says.
    ///
    /// # Errors
    /// Where it is no address, or a damaged one.
    pub fn detect(text: &str) -> Result<Self, DestinationError> {
        Self::read(text, family_by_shape(text)?)
    }

    /// Reads an address that is to be of this family.
    ///
    /// # Errors
    /// Where it is no address, a damaged one, or a sound one of another family.
    pub fn of_family(text: &str, expected: AddressFamily) -> Result<Self, DestinationError> {
        Self::read(text, expected).map_err(|error| match Self::detect(text) {
            Ok(other) => DestinationError::OtherFamily { expected, found: other.family },
            // Damaged, but plainly meant for the family asked for (or for none): that family's own words serve.
            Err(_) => error,
        })
    }

    fn read(text: &str, family: AddressFamily) -> Result<Self, DestinationError> {
        let address = match family {
            AddressFamily::Evm => evm::canonical(text)?,
            AddressFamily::Tron => tron::canonical(text)?,
            AddressFamily::Solana => solana::canonical(text)?,
            AddressFamily::Bitcoin => bitcoin::canonical(text)?,
        };
        Ok(Self { family, address: address.into() })
    }

    /// Which networks' address it is.
    #[must_use]
    pub fn family(&self) -> AddressFamily {
        self.family
    }

    /// The address in its canonical spelling: EIP-55 capitals for EVM, as given for the others.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.address
    }
}

/// The family a text resembles, sound or not.
///
/// What base58 decodes to tells Tron and Bitcoin (25 bytes) from Solana (32 bytes) for certain. A Solana address may
/// begin with `bc1` by chance; it counts as Bitcoin only where every further character could be Bitcoin's, so that a
/// mistyped Bitcoin address is never taken for a Solana one.
fn family_by_shape(text: &str) -> Result<AddressFamily, DestinationError> {
    if text.starts_with("0x") || text.starts_with("0X") {
        return Ok(AddressFamily::Evm);
    }
    // A Tron address may begin with `TB1`, as addresses of Bitcoin's test network do; its checksum tells.
    if tron::canonical(text).is_ok() {
        return Ok(AddressFamily::Tron);
    }
    let is_solana = solana::decodes(text);
    if bitcoin::has_segwit_prefix(text) && (!is_solana || bitcoin::is_all_bech32(text)) {
        return Ok(AddressFamily::Bitcoin);
    }
    if is_solana {
        return Ok(AddressFamily::Solana);
    }
    if text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(DestinationError::MissingPrefix);
    }
    if !text.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(DestinationError::UnknownShape);
    }
    match (text.as_bytes().first(), text.len()) {
        (Some(b'T'), 30..=38) => Ok(AddressFamily::Tron),
        (Some(b'1' | b'3'), 25..=38) | (Some(b'2' | b'm' | b'n'), 26..=35) => Ok(AddressFamily::Bitcoin),
        (_, 32..=44) => Ok(AddressFamily::Solana),
        _ => Err(DestinationError::UnknownShape),
    }
}
