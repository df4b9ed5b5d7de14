use super::AddressFamily;

/// Why a text is not a valid destination. The messages do not contain the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// The text has the format of no family.
    #[error("is not an EVM, Tron, Solana or Bitcoin address")]
    UnknownShape,
    #[error("looks like an EVM address, but does not start with 0x")]
    MissingPrefix,
    #[error("has the wrong length for an address on {family}: it must be {expected}, and is {found}")]
    WrongLength {
        family: AddressFamily,
        /// The required length, with its unit.
        expected: &'static str,
        /// The actual length, in the same unit.
        found: usize,
    },
    #[error("has a character at position {position} that no {family} address has")]
    BadCharacter {
        family: AddressFamily,
        /// The position of the character, from 1.
        position: usize,
    },
    #[error("mixes capital and small letters, which a {0} address of this kind never does")]
    MixedCase(AddressFamily),
    #[error("has a bad {family} checksum ({checksum}): a character is wrong")]
    BadChecksum {
        family: AddressFamily,
        /// The name of the checksum.
        checksum: &'static str,
    },
    /// The checksum is valid, but the content is not.
    #[error("is well formed, but is not a {family} address: {reason}")]
    Malformed { family: AddressFamily, reason: &'static str },
    #[error("is a {0} test network address")]
    TestNetwork(AddressFamily),
    /// An address that nobody has the key of.
    #[error("is the {0} zero address: nobody could ever receive funds there")]
    ZeroAddress(AddressFamily),
    /// A valid address of another family than that of the requested network.
    #[error("is a {found} address, but the network asked for takes {expected} addresses")]
    OtherFamily { expected: AddressFamily, found: AddressFamily },
}
