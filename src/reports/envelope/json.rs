//! Parses the body of a message. An object with a duplicate key is refused, because JSON parsers disagree about which
//! value counts.

use serde_json::Value;

use super::super::dead_letter::{DeadLetterReason, Unreadable};
use crate::runtime::unique_json;

/// Parses `bytes` as one JSON value.
///
/// # Errors
/// Returns `Unreadable` if `bytes` are not JSON, are nested more than 128 levels deep, or contain an object with a
/// duplicate key.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, Unreadable> {
    unique_json::parse_unique(bytes).map_err(|error| {
        // The parser's message contains a position and no text of the input; a duplicate key is named.
        let reason = if error.is_data() { DeadLetterReason::DuplicateKey } else { DeadLetterReason::NotJson };
        Unreadable::new(reason, error.to_string())
    })
}
