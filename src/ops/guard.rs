//! The authentication of operators.

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::config::Secret;

/// The SHA-256 digest of the configured token, or `None` if no token is configured. Digests have the same length, so
/// the time of a comparison does not depend on the token.
#[derive(Clone)]
pub(super) struct ExpectedToken(Option<[u8; 32]>);

impl ExpectedToken {
    pub(super) fn new(token: &Secret) -> Self {
        Self(token.set().map(|token| Sha256::digest(token.as_bytes()).into()))
    }

    fn permits(&self, request: &Request) -> bool {
        let Some(expected) = &self.0 else { return true };
        let presented = request
            .headers()
            .get(header::AUTHORIZATION)
            .and_then(|value| value.as_bytes().split_at_checked("Bearer ".len()))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"Bearer "))
            .map(|(_, token)| <[u8; 32]>::from(Sha256::digest(token)));
        presented.is_some_and(|digest| digest.ct_eq(expected).into())
    }
}

pub(super) async fn require_token(
    State(expected): State<ExpectedToken>,
    request: Request,
    next: Next,
) -> Response {
    if expected.permits(&request) {
        next.run(request).await
    } else {
        let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
        (StatusCode::UNAUTHORIZED, challenge, "the operators' token is required\n").into_response()
    }
}
