//! Destinations: detects the family of an address and verifies its checksum.
//!
//! There is one file for each address family. A text that may be a mistyped address is refused, because funds sent to a
//! wrong address are lost.

mod base58;
mod bitcoin;
mod error;
mod evm;
mod solana;
#[cfg(test)]
mod tests;
mod tron;

pub use error::DestinationError;
pub use payoutd_domain::AddressFamily;

/// An address with a verified format and checksum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    family: AddressFamily,
    address: Box<str>,
}

impl Destination {
    /// Parses an address of any family.
    ///
    /// # Errors
    /// Returns `DestinationError` if the text is not a valid address of the family that its format indicates.
    pub fn detect(text: &str) -> Result<Self, DestinationError> {
        Self::parse(text, family_by_format(text)?)
    }

    /// Parses an address of the expected family.
    ///
    /// # Errors
    /// Returns `OtherFamily` if the text is a valid address of another family, else the error of the expected family.
    pub fn of_family(text: &str, expected: AddressFamily) -> Result<Self, DestinationError> {
        Self::parse(text, expected).map_err(|error| match Self::detect(text) {
            Ok(other) => DestinationError::OtherFamily { expected, found: other.family },
            Err(_) => error,
        })
    }

    fn parse(text: &str, family: AddressFamily) -> Result<Self, DestinationError> {
        let address = match family {
            AddressFamily::Evm => evm::canonical(text)?,
            AddressFamily::Tron => tron::canonical(text)?,
            AddressFamily::Solana => solana::canonical(text)?,
            AddressFamily::Bitcoin => bitcoin::canonical(text)?,
        };
        Ok(Self { family, address: address.into() })
    }

    #[must_use]
    pub fn family(&self) -> AddressFamily {
        self.family
    }

    /// The canonical spelling: with EIP-55 capitals for EVM, as given for the other families.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.address
    }
}

/// The family whose format the text resembles, valid or not.
///
/// The length of the base58 content distinguishes Tron and Bitcoin (25 bytes) from Solana (32 bytes). A Solana address can
/// begin with `bc1`. Such a text counts as Bitcoin only if all further characters are bech32, so that a mistyped Bitcoin
/// address is never accepted as a Solana address.
fn family_by_format(text: &str) -> Result<AddressFamily, DestinationError> {
    if text.starts_with("0x") || text.starts_with("0X") {
        return Ok(AddressFamily::Evm);
    }
    // A Tron address can begin with `TB1`, like addresses of Bitcoin's test network. The checksum distinguishes them.
    if tron::canonical(text).is_ok() {
        return Ok(AddressFamily::Tron);
    }
    let is_solana = solana::is_base58_of_32_bytes(text);
    if bitcoin::has_segwit_prefix(text) && (!is_solana || bitcoin::has_only_bech32_characters(text)) {
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
