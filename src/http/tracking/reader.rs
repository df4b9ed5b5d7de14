//! Who reads a page, and how.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{Method, header};
use payoutd_domain::Sequence;

use crate::tracking::Language;

/// What a request says of its reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reader {
    pub(super) language: Language,
    /// The change it has seen: `Last-Event-ID` where it resumes, or else `?after=`.
    pub(super) after: Option<i64>,
    /// Who asks, where that is known. Behind a proxy that is the proxy.
    pub(super) peer: Option<IpAddr>,
    pub(super) wants_head_alone: bool,
}

impl Reader {
    /// Whether the reader has seen this change. A number from elsewhere, larger ones included, is none it has seen.
    pub(super) fn knows(&self, sequence: Sequence) -> bool {
        self.after == Some(sequence.0)
    }

    fn of(parts: &Parts) -> Self {
        let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let query = parts.uri.query().unwrap_or("");
        let parameter = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        let resumed = parts.headers.get("last-event-id").and_then(|value| value.to_str().ok());
        Self {
            language: Language::negotiate(
                parameter("lang"),
                text(header::ACCEPT_LANGUAGE).unwrap_or_default(),
            ),
            after: resumed
                .and_then(|id| id.parse().ok())
                .or_else(|| parameter("after").and_then(|id| id.parse().ok())),
            peer: parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip()),
            wants_head_alone: parts.method == Method::HEAD,
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Reader {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn reader(uri: &str, headers: &[(&str, &str)]) -> Reader {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Reader::of(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn a_resumed_stream_knows_best_what_it_has_seen() {
        assert_eq!(reader("/track/x", &[]).after, None);
        assert_eq!(reader("/track/x?lang=es&after=3", &[]).after, Some(3));
        assert_eq!(reader("/track/x?after=3", &[("last-event-id", "5")]).after, Some(5));
        assert_eq!(reader("/track/x?after=3", &[("last-event-id", "five")]).after, Some(3));
        assert!(reader("/track/x?after=3", &[]).knows(Sequence(3)));
        assert!(!reader("/track/x?after=4", &[]).knows(Sequence(3)));
    }

    #[test]
    fn the_query_wins_over_the_browsers_languages() {
        let spanish = [("accept-language", "es-MX,en;q=0.5")];
        assert_eq!(reader("/track/x", &spanish).language, Language::Spanish);
        assert_eq!(reader("/track/x?lang=en", &spanish).language, Language::English);
        assert_eq!(reader("/track/x?lang=%22", &spanish).language, Language::Spanish);
    }
}
