//! The headers `Authorization` and `Idempotency-Key`.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use payoutd::http::{Code, fuzzing};

use crate::{Target, Verdict};

pub(super) const AUTHORIZATION: Target = Target {
    name: "authorization",
    run: authorization,
    dictionary: &[
        "Bearer ", "bearer", "Basic ", "sk_live_", "sk_test_", "sk_", " ", "\t", "\n", "_", "é", "\0",
    ],
    inputs: 60_000,
};

pub(super) const IDEMPOTENCY_KEY: Target = Target {
    name: "headers",
    run: idempotency_key,
    dictionary: &[
        "order-1",
        " ",
        "\n",
        "\t",
        "~",
        "\x7f",
        "é",
        "0123456789abcdef0123456789abcdef0123456789abcdef",
    ],
    inputs: 60_000,
};

/// One header with this name for each line of the input.
fn headers(name: &HeaderName, input: &[u8]) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for line in input.split(|byte| *byte == b'\n') {
        headers.append(name, HeaderValue::from_bytes(line).ok()?);
    }
    Some(headers)
}

fn authorization(input: &[u8]) -> Verdict {
    let Some(headers) = headers(&header::AUTHORIZATION, input) else { return Verdict::Refused };
    let Some((mode, key)) = fuzzing::api_key(&headers) else { return Verdict::Refused };
    assert_eq!(headers.len(), 1, "two keys are ambiguous");
    let secret = key.strip_prefix(&format!("sk_{mode}_")).unwrap_or_default();
    assert!(!secret.is_empty() && secret.bytes().all(|b| b.is_ascii_alphanumeric()), "{key}");
    assert!(key.len() <= 128);
    let text = String::from_utf8_lossy(input);
    let text = text.trim();
    let scheme = text.strip_suffix(key).unwrap_or("?").trim_end();
    assert!(scheme.is_empty() || scheme.eq_ignore_ascii_case("bearer"), "{text:?}");
    for spelling in [key.to_owned(), format!("Bearer {key}"), format!("bEARER  {key}")] {
        let again = self::headers(&header::AUTHORIZATION, spelling.as_bytes()).unwrap_or_default();
        assert_eq!(fuzzing::api_key(&again), Some((mode, key)));
    }
    Verdict::Accepted
}

fn idempotency_key(input: &[u8]) -> Verdict {
    let name = HeaderName::from_static("idempotency-key");
    let Some(headers) = headers(&name, input) else { return Verdict::Refused };
    match fuzzing::idempotency_key(&headers) {
        Ok(key) => {
            let key = key.unwrap_or_default();
            assert_eq!(key.as_bytes(), input, "the key equals the header");
            assert!((1..=255).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic()));
            Verdict::Accepted
        }
        Err(problem) => {
            assert_eq!((problem.code(), problem.field()), (Code::MalformedRequest, Some("Idempotency-Key")));
            Verdict::Refused
        }
    }
}
