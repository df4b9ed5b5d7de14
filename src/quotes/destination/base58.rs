//! Base58 with and without a checksum.

use super::{AddressFamily, DestinationError};

/// # Errors
/// Returns `BadCharacter` if the text contains a character that is not base58.
pub(super) fn decode(text: &str, family: AddressFamily) -> Result<Vec<u8>, DestinationError> {
    use bs58::decode::Error;
    bs58::decode(text).into_vec().map_err(|error| match error {
        Error::InvalidCharacter { index, .. } | Error::NonAsciiCharacter { index } => {
            DestinationError::BadCharacter { family, position: index + 1 }
        }
        Error::BufferTooSmall
        | Error::InvalidChecksum { .. }
        | Error::InvalidVersion { .. }
        | Error::NoChecksum
        | _ => DestinationError::UnknownShape,
    })
}

/// Decodes base58check of 25 bytes into the version byte and the payload.
pub(super) fn decode_checked(text: &str, family: AddressFamily) -> Result<(u8, [u8; 20]), DestinationError> {
    let bytes = decode(text, family)?;
    if bytes.len() != 25 {
        return Err(DestinationError::WrongLength {
            family,
            expected: "25 bytes in base58",
            found: bytes.len(),
        });
    }
    let bad_checksum = DestinationError::BadChecksum { family, checksum: "base58check" };
    let content = bs58::decode(text).with_check(None).into_vec().map_err(|_| bad_checksum)?;
    let (version, payload) = content.split_first().ok_or(bad_checksum)?;
    Ok((*version, payload.try_into().map_err(|_| bad_checksum)?))
}
