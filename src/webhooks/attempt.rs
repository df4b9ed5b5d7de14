//! One try to deliver, as the log keeps it.

use payoutd_domain::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contracts;

/// Why an attempt got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttemptError {
    /// The endpoint's URL is not allowed (any more).
    UrlRefused,
    /// The name could not be resolved.
    NameNotFound,
    /// The name led to no public address.
    AddressRefused,
    /// No connection came about.
    ConnectionFailed,
    /// No secure connection came about: a certificate that is not valid, or no TLS at all.
    TlsFailed,
    /// The answer was not HTTP, too large in its head, or broke off.
    NotHttp,
    /// No answer in time.
    TimedOut,
}

impl AttemptError {
    /// The word in the log.
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

/// One attempt, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "WebhookAttempt")]
pub struct Attempt {
    /// When it began.
    #[schemars(with = "contracts::Time")]
    pub at: Timestamp,
    /// The answer's status, where there was an answer.
    #[schemars(range(min = 100, max = 999))]
    pub status: Option<u16>,
    /// Why there was none.
    pub error: Option<AttemptError>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The first bytes of the answer's body, as text.
    pub answer: String,
}

/// What an attempt means for the delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was taken.
    Succeeded,
    /// It was not.
    Failed,
    /// It was not, and nothing more is wanted: 410.
    Gone,
}

impl Attempt {
    /// Only 2xx is success. A redirect is a failure like any other.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self.status {
            Some(200..=299) => Verdict::Succeeded,
            Some(410) => Verdict::Gone,
            Some(_) | None => Verdict::Failed,
        }
    }

    /// The verdict in one word, with what sets failures apart. Few words, whatever endpoints answer.
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
    fn only_2xx_succeeds_and_only_410_is_final() {
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
    fn an_error_has_one_name() {
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
