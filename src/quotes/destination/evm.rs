//! EVM addresses: `0x` and 40 hex digits. The case of the letters is an EIP-55 checksum.

use sha3::{Digest, Keccak256};

use super::{AddressFamily, DestinationError};

const FAMILY: AddressFamily = AddressFamily::Evm;
const DIGITS: usize = 40;

/// Verifies the address and returns it with EIP-55 capitals. An address with letters of one case carries no checksum and is
/// accepted.
pub(super) fn canonical(text: &str) -> Result<String, DestinationError> {
    let digits = text.strip_prefix("0x").ok_or(DestinationError::MissingPrefix)?;
    if let Some(index) = digits.chars().position(|c| !c.is_ascii_hexdigit()) {
        return Err(DestinationError::BadCharacter { family: FAMILY, position: index + 3 });
    }
    if digits.len() != DIGITS {
        return Err(DestinationError::WrongLength {
            family: FAMILY,
            expected: "0x and 40 hex digits",
            found: digits.len(),
        });
    }
    if digits.bytes().all(|b| b == b'0') {
        return Err(DestinationError::ZeroAddress(FAMILY));
    }
    let address = checksummed(digits);
    let has_uppercase = digits.bytes().any(|b| b.is_ascii_uppercase());
    let has_lowercase = digits.bytes().any(|b| b.is_ascii_lowercase());
    if has_uppercase && has_lowercase && address[2..] != *digits {
        return Err(DestinationError::BadChecksum { family: FAMILY, checksum: "EIP-55" });
    }
    Ok(address)
}

/// EIP-55: a letter is a capital if the corresponding digit of the hash is 8 or more.
fn checksummed(digits: &str) -> String {
    let lowercase = digits.to_ascii_lowercase();
    let hash = Keccak256::digest(lowercase.as_bytes());
    let nibbles = hash.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
    let with_checksum = lowercase
        .chars()
        .zip(nibbles)
        .map(|(c, nibble)| if nibble >= 8 { c.to_ascii_uppercase() } else { c });
    "0x".chars().chain(with_checksum).collect()
}
