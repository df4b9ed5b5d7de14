//! The codes: one per kind of error, each with its status and title.

use std::fmt;

use axum::http::StatusCode;

/// What went wrong, for machines. Codes are never renamed or removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// The request cannot be read.
    MalformedRequest,
    /// A request that needs an idempotency key has none.
    IdempotencyKeyRequired,
    /// No valid API key.
    InvalidApiKey,
    /// No such quote.
    QuoteNotFound,
    /// No such payout.
    PayoutNotFound,
    /// No payout has this reference.
    ExternalRefUnknown,
    /// No such path.
    NotFound,
    /// The path has no such method.
    MethodNotAllowed,
    /// The request's body did not arrive in time, or ended early.
    RequestTimeout,
    /// The quote backs a payout already.
    QuoteAlreadyUsed,
    /// The idempotency key belongs to another request.
    IdempotencyConflict,
    /// The first request with this idempotency key is still running.
    IdempotencyInProgress,
    /// The quote's time is over.
    QuoteExpired,
    /// The request's body is too large.
    PayloadTooLarge,
    /// The request's body is not JSON in UTF-8.
    UnsupportedMediaType,
    /// A field is missing, unknown, repeated or wrong.
    ValidationError,
    /// The destination is no address we know.
    InvalidDestination,
    /// The asset is not carried.
    UnsupportedAsset,
    /// No route leads there.
    UnsupportedRoute,
    /// Too little or too much.
    AmountOutOfRange,
    /// Too many requests.
    RateLimited,
    /// Nothing happened, or the same call is safe to repeat.
    Unavailable,
}

impl Code {
    /// Every code.
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

    /// The code as it stands in `code` and at the end of `type`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.parts().1
    }

    /// The HTTP status that goes with it.
    #[must_use]
    pub fn status(self) -> StatusCode {
        self.parts().0
    }

    /// What it means in a few words, the same every time.
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

    /// What to do about it, for the people who write clients.
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

    /// The code that fits an error status nobody gave a code to.
    pub(in crate::http) fn for_status(status: StatusCode) -> Self {
        let code = Self::ALL.into_iter().find(|code| {
            // Several codes share a status; of those, the one that claims least.
            let general = !matches!(
                code,
                Self::IdempotencyKeyRequired
                    | Self::QuoteNotFound
                    | Self::PayoutNotFound
                    | Self::ExternalRefUnknown
            );
            code.status() == status && general
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
