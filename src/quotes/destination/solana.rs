//! Solana addresses: base58 of exactly 32 bytes, without a checksum.

use super::{AddressFamily, DestinationError, base58};

const FAMILY: AddressFamily = AddressFamily::Solana;
const BYTES: usize = 32;

pub(super) fn is_base58_of_32_bytes(text: &str) -> bool {
    base58::decode(text, FAMILY).is_ok_and(|bytes| bytes.len() == BYTES)
}

/// Verifies the length and returns the address unchanged.
pub(super) fn canonical(text: &str) -> Result<String, DestinationError> {
    let bytes = base58::decode(text, FAMILY)?;
    if bytes.len() != BYTES {
        return Err(DestinationError::WrongLength {
            family: FAMILY,
            expected: "32 bytes in base58",
            found: bytes.len(),
        });
    }
    // The address of the system program.
    if bytes.iter().all(|b| *b == 0) {
        return Err(DestinationError::ZeroAddress(FAMILY));
    }
    Ok(text.to_owned())
}
