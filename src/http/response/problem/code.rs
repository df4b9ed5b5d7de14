//! Problem codes: one per kind of error, each with a status and a title.

use std::fmt;

use axum::http::StatusCode;

/// The kind of an error, for programs. Codes are never renamed or removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// The request cannot be parsed.
    MalformedRequest,
    /// A required idempotency key is missing.
    IdempotencyKeyRequired,
    /// The API key is missing or invalid.
    InvalidApiKey,
    /// The quote does not exist.
    QuoteNotFound,
    /// The payout does not exist.
    PayoutNotFound,
    /// No payout has this `external_ref`.
    ExternalRefUnknown,
    /// The path, or the resource that it names, does not exist.
    NotFound,
    /// The path does not support the method.
    MethodNotAllowed,
    /// The body did not arrive in time or ended early.
    RequestTimeout,
    /// The quote has already been executed.
    QuoteAlreadyUsed,
    /// The idempotency key was used for another request.
    IdempotencyConflict,
    /// The first request with this idempotency key is in progress.
    IdempotencyInProgress,
    /// The quote has expired.
    QuoteExpired,
    /// The body is too large.
    PayloadTooLarge,
    /// The body is not declared as JSON in UTF-8.
    UnsupportedMediaType,
    /// A field is missing, unknown, duplicate or invalid.
    ValidationError,
    /// The destination is not a valid address.
    InvalidDestination,
    /// The asset is not supported.
    UnsupportedAsset,
    /// No route leads to the destination.
    UnsupportedRoute,
    /// The amount is outside the route's limits.
    AmountOutOfRange,
    /// The caller sends too many requests.
    RateLimited,
    /// The request failed temporarily and is safe to repeat.
    Unavailable,
}

impl Code {
    pub const ALL: [Self; 22] = [
        Self::MalformedRequest,
        Self::IdempotencyKeyRequired,
        Self::InvalidApiKey,
        Self::QuoteNotFound,
        Self::PayoutNotFound,
        Self::ExternalRefUnknown,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::RequestTimeout,
        Self::QuoteAlreadyUsed,
        Self::IdempotencyConflict,
        Self::IdempotencyInProgress,
        Self::QuoteExpired,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::ValidationError,
        Self::InvalidDestination,
        Self::UnsupportedAsset,
        Self::UnsupportedRoute,
        Self::AmountOutOfRange,
        Self::RateLimited,
        Self::Unavailable,
    ];

    /// The value of `code`, which is also the last segment of `type`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.parts().1
    }

    #[must_use]
    pub fn status(self) -> StatusCode {
        self.parts().0
    }

    /// The value of `title`.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.parts().2
    }

    fn parts(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::MalformedRequest => (S::BAD_REQUEST, "malformed_request", "The request cannot be read"),
            Self::IdempotencyKeyRequired => {
                (S::BAD_REQUEST, "idempotency_key_required", "An Idempotency-Key is required")
            }
            Self::InvalidApiKey => (S::UNAUTHORIZED, "invalid_api_key", "No valid API key"),
            Self::QuoteNotFound => (S::NOT_FOUND, "quote_not_found", "No such quote"),
            Self::PayoutNotFound => (S::NOT_FOUND, "payout_not_found", "No such payout"),
            Self::ExternalRefUnknown => {
                (S::NOT_FOUND, "external_ref_unknown", "No payout has this external_ref")
            }
            Self::NotFound => (S::NOT_FOUND, "not_found", "No such resource"),
            Self::MethodNotAllowed => (S::METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed"),
            Self::RequestTimeout => (S::REQUEST_TIMEOUT, "request_timeout", "The request took too long"),
            Self::QuoteAlreadyUsed => (S::CONFLICT, "quote_already_used", "The quote is used"),
            Self::IdempotencyConflict => {
                (S::CONFLICT, "idempotency_conflict", "The Idempotency-Key belongs to another request")
            }
            Self::IdempotencyInProgress => {
                (S::CONFLICT, "idempotency_in_progress", "The first request with this key is still running")
            }
            Self::QuoteExpired => (S::GONE, "quote_expired", "The quote has expired"),
            Self::PayloadTooLarge => (S::PAYLOAD_TOO_LARGE, "payload_too_large", "The body is too large"),
            Self::UnsupportedMediaType => {
                (S::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "The body must be JSON")
            }
            Self::ValidationError => (S::UNPROCESSABLE_ENTITY, "validation_error", "A field is not valid"),
            Self::InvalidDestination => {
                (S::UNPROCESSABLE_ENTITY, "invalid_destination", "The destination is not a valid address")
            }
            Self::UnsupportedAsset => {
                (S::UNPROCESSABLE_ENTITY, "unsupported_asset", "The asset is not supported")
            }
            Self::UnsupportedRoute => {
                (S::UNPROCESSABLE_ENTITY, "unsupported_route", "No route leads to the destination")
            }
            Self::AmountOutOfRange => {
                (S::UNPROCESSABLE_ENTITY, "amount_out_of_range", "The amount is out of range")
            }
            Self::RateLimited => (S::TOO_MANY_REQUESTS, "rate_limited", "Too many requests"),
            Self::Unavailable => (S::SERVICE_UNAVAILABLE, "unavailable", "Temporarily unavailable"),
        }
    }

    /// Advice for client developers, shown in the API's documentation.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            Self::MalformedRequest => {
                "Send a JSON object, well-formed headers and a well-formed query; `detail` says what cannot be read."
            }
            Self::IdempotencyKeyRequired => "Send an Idempotency-Key header of your choice.",
            Self::InvalidApiKey => "Send a valid API key: Authorization: Bearer sk_live_… or sk_test_….",
            Self::QuoteNotFound => {
                "Execute a quote of your own, of the key's mode, exactly as you were given its id."
            }
            Self::PayoutNotFound => "Ask for a payout of your own, with a key of the mode it was created in.",
            Self::ExternalRefUnknown => "Nothing was executed under this reference in this mode.",
            Self::NotFound => "Check the path and the id in it.",
            Self::MethodNotAllowed => "Use one of the methods that the Allow header names.",
            Self::RequestTimeout => "Nothing happened. Send the whole body at once, and repeat the call.",
            Self::QuoteAlreadyUsed => {
                "The quote was executed before; payout_id names the payout. Read that instead of paying again."
            }
            Self::IdempotencyConflict => {
                "Use a new key for a new request, and the same body for a repeated one."
            }
            Self::IdempotencyInProgress => "Wait a moment, then repeat the call with the same key.",
            Self::QuoteExpired => "Nothing was sent. Ask for a new quote, and execute that.",
            Self::PayloadTooLarge => "Nothing happened. Send a smaller body.",
            Self::UnsupportedMediaType => "Send Content-Type: application/json, in UTF-8, not compressed.",
            Self::ValidationError => "Correct the field that `field` names; `detail` says what it must be.",
            Self::InvalidDestination => {
                "Have your user check the address: it is of no known shape, damaged, or not of the named network."
            }
            Self::UnsupportedAsset => "Choose an asset that is carried.",
            Self::UnsupportedRoute => "Choose another network or asset: no route brings this asset there.",
            Self::AmountOutOfRange => "Choose an amount within the limits that `detail` names.",
            Self::RateLimited => {
                "Nothing happened. Wait for as long as Retry-After says, then repeat the call."
            }
            Self::Unavailable => {
                "Wait for as long as Retry-After says, then repeat the same call: it is safe to repeat."
            }
        }
    }

    /// The code for an error status that the framework has produced without a code.
    pub(in crate::http) fn for_status(status: StatusCode) -> Self {
        let code = Self::ALL.into_iter().find(|code| {
            // Of the codes that share a status, choose the most general one.
            let is_general = !matches!(
                code,
                Self::IdempotencyKeyRequired
                    | Self::QuoteNotFound
                    | Self::PayoutNotFound
                    | Self::ExternalRefUnknown
            );
            code.status() == status && is_general
        });
        match code {
            Some(code) => code,
            None if status.is_client_error() => Self::MalformedRequest,
            None => Self::Unavailable,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
