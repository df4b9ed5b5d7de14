//! A request's body: JSON, bounded in size and in time.

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

use super::{Code, Problem, json};

/// How much of a body that is too large is read and thrown away, so that its sender stops sending and reads the
/// answer; a larger one is cut off.
const DISCARD_BYTES: usize = 1024 * 1024;

/// A request's body as it came, not read yet.
#[derive(Debug)]
pub(super) struct JsonBody {
    bytes: Bytes,
    /// Whether the body is what its headers must say it is. Only ever wrong of a body that is empty.
    media: Result<(), Problem>,
    /// Whether the headers say as well that there is nothing.
    absent: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

impl JsonBody {
    /// Takes a body off its connection.
    pub(super) async fn take(parts: &Parts, body: Body, limits: &BodyLimits) -> Result<Self, Problem> {
        let media = check_media_type(&parts.headers);
        let announced = parts.headers.contains_key(header::CONTENT_TYPE);
        // Clients that always say what their body is say so of none, too.
        let absent = body.size_hint().exact() == Some(0) || (!announced && body.is_end_stream());
        if !absent {
            media.clone()?;
        }
        Ok(Self { bytes: limits.read(&parts.headers, body).await?, media, absent })
    }

    /// What was sent.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads it strictly.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        self.media.clone()?;
        json::parse(&self.bytes)
    }

    /// Makes sure that it says nothing: that there is none, or an empty JSON object.
    pub(super) fn nothing(&self) -> Result<(), Problem> {
        if self.absent { Ok(()) } else { self.json().map(|Nothing {}| ()) }
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

/// What a body may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct BodyLimits {
    pub(super) max_bytes: usize,
    pub(super) timeout: Duration,
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
            let frame = frame.map_err(|error| broken(&error).closing())?;
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

/// What a client is told whose body could not be read. Where it only ended early the network is to blame as often as the
/// client, which should say it again rather than mend something.
fn broken(error: &axum::Error) -> Problem {
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
