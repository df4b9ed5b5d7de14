//! The operators' token.

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::config::Secret;

/// What a caller must present: the digest of the token, so that comparing takes the same time for every guess.
#[derive(Clone)]
pub(super) struct Expected(Option<[u8; 32]>);

impl Expected {
    pub(super) fn new(token: &Secret) -> Self {
        Self(token.set().map(|token| Sha256::digest(token.as_bytes()).into()))
    }

    fn admits(&self, request: &Request) -> bool {
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
    State(expected): State<Expected>,
    request: Request,
    next: Next,
) -> Response {
    if expected.admits(&request) {
        next.run(request).await
    } else {
        let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
        (StatusCode::UNAUTHORIZED, challenge, "the operators' token is required\n").into_response()
    }
}
