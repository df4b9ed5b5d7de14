//! The `Idempotency-Key` header: 1 to 255 visible ASCII characters that name a request, so that repeating it does
//! nothing twice.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;

use super::{Code, Problem};

const HEADER: &str = "Idempotency-Key";
const MAX_LEN: usize = 255;

fn key_of(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut given = headers.get_all(HEADER).iter();
    let Some(value) = given.next() else { return Ok(None) };
    if given.next().is_some() {
        return Err(malformed("There is more than one Idempotency-Key header."));
    }
    let text = value.to_str().unwrap_or_default();
    if !(1..=MAX_LEN).contains(&text.len()) || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(malformed("The Idempotency-Key must be 1 to 255 visible ASCII characters."));
    }
    Ok(Some(text))
}

fn malformed(detail: &'static str) -> Problem {
    Problem::new(Code::MalformedRequest, detail).at(HEADER)
}

/// A request has a valid key.
#[derive(Debug)]
pub(super) struct RequiredKey;

impl<S: Send + Sync> FromRequestParts<S> for RequiredKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match key_of(&parts.headers)? {
            Some(_) => Ok(Self),
            None => Err(Problem::new(
                Code::IdempotencyKeyRequired,
                "This call needs an Idempotency-Key header: 1 to 255 visible ASCII characters of your choice.",
            )
            .at(HEADER)),
        }
    }
}

/// A request has a valid key or none.
#[derive(Debug)]
pub(super) struct OptionalKey;

impl<S: Send + Sync> FromRequestParts<S> for OptionalKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        key_of(&parts.headers).map(|_| Self)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(keys: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for key in keys {
            headers.append(HEADER, HeaderValue::from_bytes(key).unwrap());
        }
        headers
    }

    #[test]
    fn keys_are_visible_ascii_and_come_alone() {
        assert_eq!(key_of(&headers(&[])).unwrap(), None);
        assert_eq!(key_of(&headers(&[b"order-17!"])).unwrap(), Some("order-17!"));
        assert!(key_of(&headers(&[&[b'k'; 255]])).is_ok());
        for refused in [&[&b""[..]][..], &[b"a b"], &[&[b'k'; 256]], &["ké".as_bytes()], &[b"a", b"a"]] {
            let problem = key_of(&headers(refused)).unwrap_err();
            assert_eq!(problem.code(), Code::MalformedRequest, "{refused:?}");
        }
    }
}
