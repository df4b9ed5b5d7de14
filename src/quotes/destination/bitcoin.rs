//! Bitcoin addresses on the main network: segwit (BIP-173, BIP-350), P2PKH and P2SH.

use bech32::primitives::decode::{CharError, SegwitHrpstringError, UncheckedHrpstringError};

use super::{AddressFamily, DestinationError, base58};

const FAMILY: AddressFamily = AddressFamily::Bitcoin;
const BECH32: &str = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const SEGWIT_PREFIXES: [&str; 3] = ["bc1", "tb1", "bcrt1"];

const P2PKH: u8 = 0x00;
const P2SH: u8 = 0x05;
const TEST_P2PKH: u8 = 0x6f;
const TEST_P2SH: u8 = 0xc4;

fn after_segwit_prefix(text: &str) -> Option<(&'static str, &str)> {
    SEGWIT_PREFIXES.into_iter().find_map(|prefix| {
        let (head, rest) = text.split_at_checked(prefix.len())?;
        head.eq_ignore_ascii_case(prefix).then_some((prefix, rest))
    })
}

/// Whether the text has the segwit prefix of one of Bitcoin's networks.
pub(super) fn has_segwit_prefix(text: &str) -> bool {
    after_segwit_prefix(text).is_some()
}

/// Whether all characters after the segwit prefix are bech32, case-insensitive.
pub(super) fn has_only_bech32_characters(text: &str) -> bool {
    after_segwit_prefix(text)
        .is_some_and(|(_, rest)| rest.chars().all(|c| BECH32.contains(c.to_ascii_lowercase())))
}

/// Verifies the address and returns it unchanged.
pub(super) fn canonical(text: &str) -> Result<String, DestinationError> {
    match after_segwit_prefix(text) {
        Some(("bc1", _)) => segwit(text)?,
        Some(_) => return Err(DestinationError::TestNetwork(FAMILY)),
        None => legacy(text)?,
    }
    Ok(text.to_owned())
}

fn legacy(text: &str) -> Result<(), DestinationError> {
    let (version, hash) = base58::decode_checked(text, FAMILY)?;
    match version {
        P2PKH | P2SH if hash == [0; 20] => Err(DestinationError::ZeroAddress(FAMILY)),
        P2PKH | P2SH => Ok(()),
        TEST_P2PKH | TEST_P2SH => Err(DestinationError::TestNetwork(FAMILY)),
        _ => Err(DestinationError::Malformed { family: FAMILY, reason: "its first byte is not 0 or 5" }),
    }
}

fn segwit(text: &str) -> Result<(), DestinationError> {
    let malformed = |reason| DestinationError::Malformed { family: FAMILY, reason };
    let Err(error) = bech32::segwit::decode(text) else { return Ok(()) };
    Err(match error.0 {
        SegwitHrpstringError::Unchecked(UncheckedHrpstringError::Char(error)) => bad_character(text, &error),
        SegwitHrpstringError::Checksum(_) => {
            DestinationError::BadChecksum { family: FAMILY, checksum: "bech32 or bech32m" }
        }
        SegwitHrpstringError::TooLong(found) => {
            DestinationError::WrongLength { family: FAMILY, expected: "at most 90 characters", found }
        }
        SegwitHrpstringError::Unchecked(UncheckedHrpstringError::Hrp(_)) => {
            malformed("its prefix is not bc1")
        }
        SegwitHrpstringError::NoData => malformed("it holds no data"),
        SegwitHrpstringError::InvalidWitnessVersion(_) => malformed("its witness version is above 16"),
        SegwitHrpstringError::Padding(_) => malformed("its data is not whole bytes"),
        SegwitHrpstringError::WitnessLength(_) => malformed("its data has no valid length"),
        SegwitHrpstringError::Unchecked(_) | _ => malformed("it is not segwit"),
    })
}

fn bad_character(text: &str, error: &CharError) -> DestinationError {
    match error {
        CharError::MixedCase => DestinationError::MixedCase(FAMILY),
        CharError::InvalidChar(bad) => {
            let index = text.chars().position(|c| c == *bad).unwrap_or(0);
            DestinationError::BadCharacter { family: FAMILY, position: index + 1 }
        }
        CharError::MissingSeparator | CharError::NothingAfterSeparator | _ => {
            DestinationError::Malformed { family: FAMILY, reason: "it holds no data" }
        }
    }
}
