//! The `Idempotency-Key` header: 1 to 255 visible ASCII characters that identify a request when it is repeated.

use axum::http::{HeaderMap, Method};
use payoutd_actors::ports::{Fingerprint, IdempotencyKeyHash};
use sha2::{Digest, Sha256};

use crate::http::principal::Principal;
use crate::http::response::problem::{Code, Problem};

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

/// The request's key, if it has one.
///
/// # Errors
/// Returns `malformed_request` if the key is not 1 to 255 visible ASCII characters, or the header occurs more than once.
pub(in crate::http) fn optional(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    key_of(headers)
}

/// The request's key.
///
/// # Errors
/// Returns `idempotency_key_required` if there is no key, and `malformed_request` as [`optional`] does.
pub(in crate::http) fn required(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    match key_of(headers)? {
        Some(key) => Ok(Some(key)),
        None => Err(Problem::new(
            Code::IdempotencyKeyRequired,
            "This call needs an Idempotency-Key header: 1 to 255 visible ASCII characters of your choice.",
        )
        .at(HEADER)),
    }
}

/// The hash of a key within its account. The same key of another organisation or mode has another hash.
pub(in crate::http) fn hash(principal: Principal, key: &str) -> IdempotencyKeyHash {
    let digest = Sha256::new()
        .chain_update(principal.org.0.as_bytes())
        .chain_update(principal.mode.as_str())
        .chain_update([0])
        .chain_update(key);
    IdempotencyKeyHash(digest.finalize().into())
}

/// The fingerprint of a request: a hash of its method, path and body. Method and path contain no line feed.
pub(in crate::http) fn fingerprint(method: &Method, path: &str, body: &[u8]) -> Fingerprint {
    let digest = Sha256::new().chain_update(method.as_str()).chain_update("\n").chain_update(path);
    Fingerprint(digest.chain_update("\n").chain_update(body).finalize().into())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use payoutd_domain::{Mode, OrgId};
    use uuid::Uuid;

    use super::*;

    fn headers(keys: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for key in keys {
            headers.append(HEADER, HeaderValue::from_bytes(key).unwrap());
        }
        headers
    }

    #[test]
    fn different_requests_have_different_hashes_and_fingerprints() {
        let principal = |org, mode| Principal { org: OrgId(Uuid::from_u128(org)), mode, key_id: Uuid::nil() };
        let acme = principal(1, Mode::Live);
        let same = Principal { key_id: Uuid::from_u128(9), ..acme };
        assert_eq!(hash(acme, "k"), hash(same, "k"), "any API key of the organisation in that mode");
        for (other, key) in [(acme, "K"), (principal(1, Mode::Test), "k"), (principal(2, Mode::Live), "k")] {
            assert_ne!(hash(acme, "k"), hash(other, key));
        }
        let first = fingerprint(&Method::POST, "/a", b"{}");
        assert_eq!(first, fingerprint(&Method::POST, "/a", b"{}"));
        for (method, path, body) in
            [(Method::PUT, "/a", &b"{}"[..]), (Method::POST, "/b", b"{}"), (Method::POST, "/a", b"{} ")]
        {
            assert_ne!(first, fingerprint(&method, path, body));
        }
    }

    #[test]
    fn a_key_is_visible_ascii_in_a_single_header() {
        assert_eq!(key_of(&headers(&[])).unwrap(), None);
        assert_eq!(key_of(&headers(&[b"order-17!"])).unwrap(), Some("order-17!"));
        assert!(key_of(&headers(&[&[b'k'; 255]])).is_ok());
        for refused in [&[&b""[..]][..], &[b"a b"], &[&[b'k'; 256]], &["ké".as_bytes()], &[b"a", b"a"]] {
            let problem = key_of(&headers(refused)).unwrap_err();
            assert_eq!(problem.code(), Code::MalformedRequest, "{refused:?}");
        }
    }
}
