//! Tron addresses: base58check of the byte `0x41` and 20 bytes.

use super::{AddressFamily, DestinationError, base58};

const FAMILY: AddressFamily = AddressFamily::Tron;
const MAINNET: u8 = 0x41;
const TESTNET: u8 = 0xa0;

/// Verifies the address and returns it unchanged.
pub(super) fn canonical(text: &str) -> Result<String, DestinationError> {
    let (version, account) = base58::decode_checked(text, FAMILY)?;
    match version {
        MAINNET if account == [0; 20] => Err(DestinationError::ZeroAddress(FAMILY)),
        MAINNET => Ok(text.to_owned()),
        TESTNET => Err(DestinationError::TestNetwork(FAMILY)),
        _ => Err(DestinationError::Malformed { family: FAMILY, reason: "its first byte is not 0x41" }),
    }
}
