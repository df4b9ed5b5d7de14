//! One attempt to send a delivery, as recorded in its log.

use payoutd_domain::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contracts;

/// Why an attempt got no response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttemptError {
    /// The current policy does not allow the endpoint's URL.
    UrlRefused,
    /// The host name could not be resolved.
    NameNotFound,
    /// The host name resolved to no public address.
    AddressRefused,
    /// No TCP connection could be opened.
    ConnectionFailed,
    /// The TLS handshake failed: the certificate is not valid, or the server does not use TLS.
    TlsFailed,
    /// The response was not valid HTTP, its header was too large, or the connection closed.
    NotHttp,
    /// There was no response before the deadline.
    TimedOut,
}

impl AttemptError {
    /// The name in logs, metrics and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UrlRefused => "url_refused",
            Self::NameNotFound => "name_not_found",
            Self::AddressRefused => "address_refused",
            Self::ConnectionFailed => "connection_failed",
            Self::TlsFailed => "tls_failed",
            Self::NotHttp => "not_http",
            Self::TimedOut => "timed_out",
        }
    }
}

/// One attempt to send a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "WebhookAttempt")]
pub struct Attempt {
    /// When the attempt began.
    #[schemars(with = "contracts::Time")]
    pub at: Timestamp,
    /// The HTTP status of the response; null if there was no response.
    #[schemars(range(min = 100, max = 999))]
    pub status: Option<u16>,
    /// Why there was no response; null if there was one.
    pub error: Option<AttemptError>,
    /// The duration in milliseconds.
    pub duration_ms: u64,
    /// The first bytes of the response body, as text.
    pub answer: String,
}

/// What the response means for the delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Succeeded,
    Failed,
    /// The response was 410: the endpoint refuses all further messages.
    Gone,
}

impl Attempt {
    /// Only 2xx is a success. Redirects are not followed and count as failures.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self.status {
            Some(200..=299) => Verdict::Succeeded,
            Some(410) => Verdict::Gone,
            Some(_) | None => Verdict::Failed,
        }
    }

    /// The verdict as a metrics label, with the kind of failure. The set of labels is small and fixed.
    pub(super) fn label(&self) -> &'static str {
        match self.status {
            Some(200..=299) => "succeeded",
            Some(300..=399) => "redirect",
            Some(410) => "gone",
            Some(400..=499) => "client_error",
            Some(500..=599) => "server_error",
            Some(_) => "other_status",
            None => self.error.map_or("no_answer", AttemptError::as_str),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_2xx_is_a_success_and_only_410_is_final() {
        let verdict = |status| {
            let at = Timestamp::EPOCH;
            Attempt { at, status, error: None, duration_ms: 0, answer: String::new() }.verdict()
        };
        for status in 100..=999 {
            let expected = match status {
                200..=299 => Verdict::Succeeded,
                410 => Verdict::Gone,
                _ => Verdict::Failed,
            };
            assert_eq!(verdict(Some(status)), expected, "{status}");
        }
        assert_eq!(verdict(None), Verdict::Failed);
    }

    #[test]
    fn an_error_has_the_same_name_in_logs_and_json() {
        for error in [
            AttemptError::UrlRefused,
            AttemptError::NameNotFound,
            AttemptError::AddressRefused,
            AttemptError::ConnectionFailed,
            AttemptError::TlsFailed,
            AttemptError::NotHttp,
            AttemptError::TimedOut,
        ] {
            assert_eq!(serde_json::to_value(error).unwrap(), error.as_str());
        }
    }
}
