//! The reader of a tracking page.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{Method, header};
use payoutd_domain::Sequence;

use crate::tracking::Language;

/// The reader's preferences and state, from the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reader {
    pub(super) language: Language,
    /// The sequence of the last change that the reader has seen: `Last-Event-ID` of a resumed stream, or `?after=`.
    pub(super) after: Option<i64>,
    /// The client's address if it is known. Behind a proxy, it is the proxy's.
    pub(super) peer: Option<IpAddr>,
    pub(super) is_head: bool,
}

impl Reader {
    /// Whether the last change that the reader has seen is this one. A larger number does not count: it is not ours.
    pub(super) fn has_seen(&self, sequence: Sequence) -> bool {
        self.after == Some(sequence.0)
    }

    fn from_parts(parts: &Parts) -> Self {
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
            is_head: parts.method == Method::HEAD,
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Reader {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self::from_parts(parts))
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
        Reader::from_parts(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn last_event_id_takes_precedence_over_the_query() {
        assert_eq!(reader("/track/x", &[]).after, None);
        assert_eq!(reader("/track/x?lang=es&after=3", &[]).after, Some(3));
        assert_eq!(reader("/track/x?after=3", &[("last-event-id", "5")]).after, Some(5));
        assert_eq!(reader("/track/x?after=3", &[("last-event-id", "five")]).after, Some(3));
        assert!(reader("/track/x?after=3", &[]).has_seen(Sequence(3)));
        assert!(!reader("/track/x?after=4", &[]).has_seen(Sequence(3)));
    }

    #[test]
    fn the_query_takes_precedence_over_the_browsers_languages() {
        let spanish = [("accept-language", "es-MX,en;q=0.5")];
        assert_eq!(reader("/track/x", &spanish).language, Language::Spanish);
        assert_eq!(reader("/track/x?lang=en", &spanish).language, Language::English);
        assert_eq!(reader("/track/x?lang=%22", &spanish).language, Language::Spanish);
    }
}
