//! A request's body: JSON, bounded in size and in time.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, header};
use bytes::BytesMut;
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;

use super::router::Edge;
use super::{Code, Problem, json};

/// How much of a body that is too large is read and thrown away, so that its sender stops sending and reads the
/// answer; a larger one is cut off.
const DISCARD_BYTES: usize = 1024 * 1024;

/// A JSON body, read strictly.
pub(super) struct StrictJson<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Edge> for StrictJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, edge: &Edge) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        check_media_type(&parts.headers)?;
        let limits = BodyLimits { max_bytes: edge.config.max_body_bytes, timeout: edge.config.body_timeout };
        let bytes = limits.read(&parts.headers, body).await?;
        json::parse(&bytes).map(Self)
    }
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let given = types.next().and_then(|value| value.to_str().ok());
    let plain = headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .all(|coding: &HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if given.is_some_and(is_json_in_utf8) && types.next().is_none() && plain {
        return Ok(());
    }
    Err(Problem::new(
        Code::UnsupportedMediaType,
        "The Content-Type must be application/json, in UTF-8 and without Content-Encoding.",
    ))
}

fn is_json_in_utf8(media_type: &str) -> bool {
    let mut parts = media_type.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    is_json
        && parts.all(|parameter| match parameter.split_once('=') {
            Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
                let charset = value.trim().trim_matches('"');
                charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
            }
            Some(_) => true,
            None => parameter.is_empty(),
        })
}

struct BodyLimits {
    max_bytes: usize,
    timeout: Duration,
}

impl BodyLimits {
    async fn read(&self, headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
        // Asking for a body that waits to be asked for, only to throw it away, would be unkind.
        let waits = headers.contains_key(header::EXPECT);
        if waits && announced(headers).is_some_and(|length| length > self.max_bytes as u64) {
            return Err(self.too_large().closing());
        }
        match tokio::time::timeout(self.timeout, self.read_to_end(body)).await {
            Ok(read) => read,
            Err(_) => {
                Err(Problem::new(Code::RequestTimeout, "The body did not arrive in time; nothing happened.")
                    .closing())
            }
        }
    }

    async fn read_to_end(&self, mut body: Body) -> Result<Bytes, Problem> {
        let mut kept = BytesMut::new();
        let mut discarded = 0usize;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| {
                Problem::new(Code::MalformedRequest, "The body ended early or is badly framed.").closing()
            })?;
            let Ok(data) = frame.into_data() else { continue };
            if discarded == 0 && kept.len() + data.len() <= self.max_bytes {
                kept.extend_from_slice(&data);
                continue;
            }
            discarded += data.len();
            if discarded > DISCARD_BYTES {
                return Err(self.too_large().closing());
            }
        }
        if discarded == 0 { Ok(kept.freeze()) } else { Err(self.too_large()) }
    }

    fn too_large(&self) -> Problem {
        Problem::new(
            Code::PayloadTooLarge,
            format!("The body may have at most {} bytes; nothing happened.", self.max_bytes),
        )
    }
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_in_utf8_is_read() {
        for good in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
            "application/json; profile=x;",
        ] {
            assert!(is_json_in_utf8(good), "{good}");
        }
        for bad in
            ["", "text/json", "application/json5", "application/json; charset=latin1", "application/xml"]
        {
            assert!(!is_json_in_utf8(bad), "{bad}");
        }
    }
}
