//! Cursors: a place in one list, signed, so that nobody can use it in another.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use payoutd_domain::{PayoutId, Timestamp};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::payout_query::{PageCursor, PayoutQuery};
use crate::quotes::Signer;

/// Microseconds and an id.
const PLACE_BYTES: usize = 8 + 16;

/// The cursor that leads on after `place`.
pub(in crate::http) fn write(signer: &Signer, filter: &PayoutQuery, place: PageCursor) -> String {
    let mut bytes = place.created_at.micros().to_be_bytes().to_vec();
    bytes.extend_from_slice(place.id.0.as_bytes());
    let tag = signer.cursor_tag(&list(filter), &bytes);
    bytes.extend_from_slice(&tag);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The place a cursor leads to, where it was given out for this very list.
pub(in crate::http) fn read(signer: &Signer, filter: &PayoutQuery, text: &str) -> Option<PageCursor> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (place, tag) = bytes.split_at_checked(PLACE_BYTES)?;
    if !bool::from(signer.cursor_tag(&list(filter), place).ct_eq(tag)) {
        return None;
    }
    let (micros, id) = place.split_first_chunk::<8>()?;
    let created_at = Timestamp::from_micros(i64::from_be_bytes(*micros)).ok()?;
    Some(PageCursor { created_at, id: PayoutId(Uuid::from_slice(id).ok()?) })
}

/// What tells a list from every other.
fn list(filter: &PayoutQuery) -> Vec<u8> {
    // Plain data cannot fail to be written; were it to, the cursor would fit no other list either.
    serde_json::to_vec(filter).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use payoutd_actors::testing::sample;
    use payoutd_domain::{Mode, OrgId, Status};

    use super::*;
    use crate::quotes::SigningKey;

    #[test]
    fn a_cursor_leads_on_in_its_own_list_only() {
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
        let place = PageCursor { created_at: sample::at(5), id: sample::id(7) };
        let cursor = write(&signer, &filter, place);
        assert_eq!(read(&signer, &filter, &cursor), Some(place));
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
            assert_eq!(read(&signer, other, &cursor), None, "{other:?}");
        }
        let another = Signer::new(SigningKey::new(b"another key, long").unwrap());
        assert_eq!(read(&another, &filter, &cursor), None);
        for index in 0..cursor.len() {
            let mut tampered = cursor.clone().into_bytes();
            tampered[index] = if tampered[index] == b'A' { b'B' } else { b'A' };
            assert_eq!(read(&signer, &filter, &String::from_utf8(tampered).unwrap()), None, "{index}");
            assert_eq!(read(&signer, &filter, &cursor[..index]), None);
        }
        assert_eq!(read(&signer, &filter, &format!("{cursor}A")), None);
        assert_eq!(read(&signer, &filter, &format!("{cursor}=")), None);
    }
}
