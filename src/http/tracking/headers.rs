//! Response headers of the tracking page.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::config::FrameAncestors;
use crate::tracking::Language;

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const X_ROBOTS_TAG: HeaderName = HeaderName::from_static("x-robots-tag");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// Allows files of this site only, no inline scripts or styles, no forms, and embedding by `frame_ancestors` only.
pub(super) fn content_security_policy(frame_ancestors: &FrameAncestors) -> HeaderValue {
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors {frame_ancestors}"
    );
    // The origins are validated when they are parsed, so this does not fail. The fallback forbids embedding.
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

pub(super) fn add_page_headers(headers: &mut HeaderMap, language: Language) {
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Language"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
}

pub(super) fn add_security_headers(
    headers: &mut HeaderMap,
    content_security_policy: &HeaderValue,
    frame_ancestors: &FrameAncestors,
) {
    headers.insert(header::CONTENT_SECURITY_POLICY, content_security_policy.clone());
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_ROBOTS_TAG, HeaderValue::from_static("noindex, nofollow, noarchive"));
    headers.insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(
        PERMISSIONS_POLICY,
        HeaderValue::from_static(
            "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), microphone=(), \
             midi=(), payment=(), usb=()",
        ),
    );
    // Older browsers support only this header, which cannot name other sites.
    if frame_ancestors.is_empty() {
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    } else if frame_ancestors.is_self_only() {
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
    }
}
