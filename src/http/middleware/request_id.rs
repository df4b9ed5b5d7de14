//! The id of a request, in its response and in its log lines.

use axum::http::{HeaderMap, HeaderName};
use uuid::Uuid;

pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const MAX_LEN: usize = 64;

/// The client's `X-Request-Id` if there is exactly one and it consists of 1 to 64 of `A-Z a-z 0-9 . _ -`. Otherwise a
/// new id.
pub(super) fn of(headers: &HeaderMap) -> String {
    let mut given = headers.get_all(X_REQUEST_ID).iter();
    match (given.next().and_then(|value| value.to_str().ok()), given.next()) {
        (Some(id), None) if is_valid(id) => id.to_owned(),
        (Some(_) | None, Some(_) | None) => Uuid::now_v7().to_string(),
    }
}

fn is_valid(id: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    (1..=MAX_LEN).contains(&id.len()) && id.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_valid_id_is_kept_and_any_other_is_replaced() {
        let with = |ids: &[&str]| {
            let mut headers = HeaderMap::new();
            for id in ids {
                headers.append(X_REQUEST_ID, id.parse().unwrap());
            }
            of(&headers)
        };
        assert_eq!(with(&["a.B_9-z"]), "a.B_9-z");
        let longest = "x".repeat(64);
        assert_eq!(with(&[&longest]), longest);
        for replaced in [&[][..], &[""], &["a b"], &["a\"b"], &["a", "b"], &["x".repeat(65).as_str()]] {
            assert!(with(replaced).parse::<Uuid>().is_ok(), "{replaced:?}");
        }
    }
}
