//! Cursors: a position in one list. A cursor is signed with the list's filters and cannot be used with others.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use payoutd_domain::{PayoutId, Timestamp};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::payout_query::{PageCursor, PayoutQuery};
use crate::quotes::Signer;

/// The creation time in microseconds, and the payout id.
const POSITION_BYTES: usize = 8 + 16;

/// The cursor of a page that begins after `position`.
pub(in crate::http) fn encode(signer: &Signer, filter: &PayoutQuery, position: PageCursor) -> String {
    let mut bytes = position.created_at.micros().to_be_bytes().to_vec();
    bytes.extend_from_slice(position.id.0.as_bytes());
    let tag = signer.cursor_tag(&list_identity(filter), &bytes);
    bytes.extend_from_slice(&tag);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The position of a cursor, or `None` if it was not issued for a list with these filters.
pub(in crate::http) fn decode(signer: &Signer, filter: &PayoutQuery, text: &str) -> Option<PageCursor> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (position, tag) = bytes.split_at_checked(POSITION_BYTES)?;
    if !bool::from(signer.cursor_tag(&list_identity(filter), position).ct_eq(tag)) {
        return None;
    }
    let (micros, id) = position.split_first_chunk::<8>()?;
    let created_at = Timestamp::from_micros(i64::from_be_bytes(*micros)).ok()?;
    Some(PageCursor { created_at, id: PayoutId(Uuid::from_slice(id).ok()?) })
}

/// The bytes that identify a list: its filters, serialized.
fn list_identity(filter: &PayoutQuery) -> Vec<u8> {
    // A filter always serializes.
    serde_json::to_vec(filter).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use payoutd_actors::testing::sample;
    use payoutd_domain::{Mode, OrgId, Status};

    use super::*;
    use crate::quotes::SigningKey;

    #[test]
    fn a_cursor_is_accepted_with_its_own_filters_only() {
        let signer = Signer::new(SigningKey::new(b"0123456789abcdef").unwrap());
        let filter = PayoutQuery {
            org: OrgId(Uuid::from_u128(1)),
            mode: Mode::Live,
            status: None,
            external_ref: None,
            created_after: None,
            created_before: None,
            late: None,
        };
        let position = PageCursor { created_at: sample::at(5), id: sample::id(7) };
        let cursor = encode(&signer, &filter, position);
        assert_eq!(decode(&signer, &filter, &cursor), Some(position));
        let others = [
            PayoutQuery { org: OrgId(Uuid::from_u128(2)), ..filter.clone() },
            PayoutQuery { mode: Mode::Test, ..filter.clone() },
            PayoutQuery { status: Some(Status::Pending), ..filter.clone() },
            PayoutQuery { external_ref: Some(String::new()), ..filter.clone() },
            PayoutQuery { created_after: Some(sample::at(0)), ..filter.clone() },
            PayoutQuery { created_before: Some(sample::at(0)), ..filter.clone() },
            PayoutQuery { late: Some(false), ..filter.clone() },
        ];
        for other in &others {
            assert_eq!(decode(&signer, other, &cursor), None, "{other:?}");
        }
        let another = Signer::new(SigningKey::new(b"another key, long").unwrap());
        assert_eq!(decode(&another, &filter, &cursor), None);
        for index in 0..cursor.len() {
            let mut tampered = cursor.clone().into_bytes();
            tampered[index] = if tampered[index] == b'A' { b'B' } else { b'A' };
            assert_eq!(decode(&signer, &filter, &String::from_utf8(tampered).unwrap()), None, "{index}");
            assert_eq!(decode(&signer, &filter, &cursor[..index]), None);
        }
        assert_eq!(decode(&signer, &filter, &format!("{cursor}A")), None);
        assert_eq!(decode(&signer, &filter, &format!("{cursor}=")), None);
    }
}
