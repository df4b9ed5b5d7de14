//! The W3C trace context of a request.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;

/// The `traceparent` header if the request has exactly one and it is valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::http) struct TraceContext(pub(in crate::http) Option<Arc<str>>);

impl<S: Send + Sync> FromRequestParts<S> for TraceContext {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

impl TraceContext {
    fn of(headers: &HeaderMap) -> Self {
        let mut given = headers.get_all("traceparent").iter();
        let first = given.next().and_then(|value| value.to_str().ok());
        let one = first.filter(|_| given.next().is_none());
        Self(one.and_then(as_version_00).map(Arc::from))
    }
}

const VERSION_00_LEN: usize = 55;

/// The header as version 00, which is the version we send. Later versions begin with the same fields.
fn as_version_00(text: &str) -> Option<String> {
    let text = text.trim_matches([' ', '\t']);
    let (known, rest) = text.split_at_checked(VERSION_00_LEN)?;
    let mut parts = known.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let has_later_fields = version != "00" && rest.starts_with('-');
    let valid = is_hex(version, 2)
        && version != "ff"
        && is_hex(trace, 32)
        && !is_zero(trace)
        && is_hex(parent, 16)
        && !is_zero(parent)
        && is_hex(flags, 2)
        && (rest.is_empty() || has_later_fields);
    valid.then(|| format!("00-{trace}-{parent}-{flags}"))
}

fn is_hex(text: &str, len: usize) -> bool {
    text.len() == len && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_zero(text: &str) -> bool {
    text.bytes().all(|b| b == b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn only_a_valid_trace_context_is_accepted() {
        assert_eq!(as_version_00(VALID).as_deref(), Some(VALID));
        let later = VALID.replacen("00", "cc", 1);
        assert_eq!(as_version_00(&format!("{later}-what-comes-later")).as_deref(), Some(VALID));
        for invalid in [
            String::new(),
            VALID.to_uppercase(),
            format!("{VALID}-more"),
            format!("{later}more"),
            VALID.replacen("00", "ff", 1),
            VALID.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            VALID.replace("00f067aa0ba902b7", &"0".repeat(16)),
            VALID.replace('-', "_"),
            "é".repeat(40),
        ] {
            assert_eq!(as_version_00(&invalid), None, "{invalid}");
        }
    }

    #[test]
    fn two_trace_contexts_are_ignored() {
        let mut headers = HeaderMap::new();
        headers.append("traceparent", VALID.parse().unwrap());
        assert_eq!(TraceContext::of(&headers).0.as_deref(), Some(VALID));
        headers.append("traceparent", VALID.parse().unwrap());
        assert_eq!(TraceContext::of(&headers).0, None);
    }
}
