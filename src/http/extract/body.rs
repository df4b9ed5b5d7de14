//! Request bodies: JSON, with limits on size and time.

use std::error::Error;
use std::time::Duration;
use std::{io, iter};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use bytes::BytesMut;
use http_body_util::BodyExt;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::http::extract::json;
use crate::http::response::problem::{Code, Problem};

/// How much of a body beyond its limit is read and discarded, so that the client finishes sending and reads the response.
/// Beyond that, the connection is closed.
const DISCARD_BYTES: usize = 1024 * 1024;

/// A complete request body, not parsed yet.
#[derive(Debug)]
pub(in crate::http) struct JsonBody {
    bytes: Bytes,
    /// The result of the media type check. It is an error only if the body is absent.
    media_type: Result<(), Problem>,
    /// Whether the request has no body.
    is_absent: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EmptyObject {}

impl JsonBody {
    /// Reads a body from its connection.
    ///
    /// # Errors
    /// Returns a problem if the body is not declared as JSON, exceeds a limit or ends early.
    pub(in crate::http) async fn receive(
        parts: &Parts,
        body: Body,
        limits: &BodyLimits,
    ) -> Result<Self, Problem> {
        let media_type = check_media_type(&parts.headers);
        let has_content_type = parts.headers.contains_key(header::CONTENT_TYPE);
        // Some clients send a Content-Type with an absent body, too.
        let is_absent = body.size_hint().exact() == Some(0) || (!has_content_type && body.is_end_stream());
        if !is_absent {
            media_type.clone()?;
        }
        Ok(Self { bytes: limits.read(&parts.headers, body).await?, media_type, is_absent })
    }

    pub(in crate::http) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Parses the body with [strict rules](json::parse).
    pub(in crate::http) fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        self.media_type.clone()?;
        json::parse(&self.bytes)
    }

    /// Checks that the body is absent or an empty JSON object.
    pub(in crate::http) fn expect_empty(&self) -> Result<(), Problem> {
        if self.is_absent { Ok(()) } else { self.json().map(|EmptyObject {}| ()) }
    }
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let given = types.next().and_then(|value| value.to_str().ok());
    let is_uncompressed = headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .all(|coding: &HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if given.is_some_and(is_json_in_utf8) && types.next().is_none() && is_uncompressed {
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

#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct BodyLimits {
    pub(in crate::http) max_bytes: usize,
    pub(in crate::http) timeout: Duration,
}

impl BodyLimits {
    async fn read(&self, headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
        // With `Expect: 100-continue`, a body that is too large is refused before the client sends it.
        let expects_continue = headers.contains_key(header::EXPECT);
        if expects_continue && content_length(headers).is_some_and(|length| length > self.max_bytes as u64) {
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
        let mut received = BytesMut::new();
        let mut discarded = 0usize;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| read_problem(&error).closing())?;
            let Ok(data) = frame.into_data() else { continue };
            if discarded == 0 && received.len() + data.len() <= self.max_bytes {
                received.extend_from_slice(&data);
                continue;
            }
            discarded += data.len();
            if discarded > DISCARD_BYTES {
                return Err(self.too_large().closing());
            }
        }
        if discarded == 0 { Ok(received.freeze()) } else { Err(self.too_large()) }
    }

    fn too_large(&self) -> Problem {
        Problem::new(
            Code::PayloadTooLarge,
            format!("The body may have at most {} bytes; nothing happened.", self.max_bytes),
        )
    }
}

/// The problem for a body that could not be read. A body that ends early is a `request_timeout`, which clients retry: the
/// network may have caused it.
fn read_problem(error: &axum::Error) -> Problem {
    let mut causes = iter::successors(Some(error as &(dyn Error + 'static)), |error| (*error).source());
    let ended_early = causes.any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::UnexpectedEof)
    });
    if ended_early {
        Problem::new(Code::RequestTimeout, "The body ended early; nothing happened.")
    } else {
        Problem::new(Code::MalformedRequest, "The body is badly framed.")
    }
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_in_utf8_is_accepted() {
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
