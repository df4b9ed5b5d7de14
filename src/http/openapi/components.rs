//! The components that operations share: schemas, parameters, headers, responses and the security scheme.

use payoutd_domain::PayoutId;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::contracts::Schemas;
use crate::http::response::problem::Document;
use crate::http::response::problem::{Code, Problem};

/// The request id in examples.
const REQUEST_ID: &str = "0192f0c1-d2e3-7485-96a7-b8c9d0e1f2ff";

/// Codes that every operation may return. Each is the only code of its status.
const SHARED: [(Code, &str); 7] = [
    (Code::InvalidApiKey, "InvalidApiKey"),
    (Code::MethodNotAllowed, "MethodNotAllowed"),
    (Code::RequestTimeout, "RequestTimeout"),
    (Code::PayloadTooLarge, "PayloadTooLarge"),
    (Code::UnsupportedMediaType, "UnsupportedMediaType"),
    (Code::RateLimited, "RateLimited"),
    (Code::Unavailable, "Unavailable"),
];

/// A reference to a shared parameter.
pub(super) fn parameter(name: &str) -> Value {
    json!({ "$ref": format!("#/components/parameters/{name}") })
}

/// References to the headers of every response and to these.
pub(super) fn headers(names: &[&str]) -> Value {
    const ALWAYS: [&str; 3] = ["X-Request-Id", "RateLimit", "RateLimit-Policy"];
    let reference = |name: &&str| {
        let key = name.replace('-', "");
        ((*name).to_owned(), json!({ "$ref": format!("#/components/headers/{key}") }))
    };
    ALWAYS.iter().chain(names).map(reference).collect::<Map<_, _>>().into()
}

/// The response for the codes of one status.
pub(super) fn problem_response(codes: &[Code], path: &str) -> Value {
    match codes {
        [only] => match SHARED.iter().find(|(code, _)| code == only) {
            Some((_, name)) => json!({ "$ref": format!("#/components/responses/{name}") }),
            None => problem(codes, path),
        },
        _ => problem(codes, path),
    }
}

fn problem(codes: &[Code], path: &str) -> Value {
    let status = codes.first().map_or(0, |code| code.status().as_u16());
    let lines = codes.iter().map(|code| format!("- `{code}`: {}. {}", code.title(), code.remedy()));
    let words: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
    let example = |code: &Code| {
        let value = example_problem(*code)
            .example(&path.replace("{id}", "pay_0192f0c1d2e3748596a7b8c9d0e1f203"), REQUEST_ID);
        (code.as_str().to_owned(), json!({ "summary": code.title(), "value": value }))
    };
    let examples: Map<String, Value> = codes.iter().map(example).collect();
    let own: &[&str] = match status {
        401 => &["WWW-Authenticate"],
        405 => &["Allow"],
        429 | 503 => &["Retry-After"],
        _ => &[],
    };
    json!({
        "description": lines.collect::<Vec<_>>().join("\n"),
        "headers": headers(own),
        "content": { "application/problem+json": {
            "schema": {
                "allOf": [{ "$ref": "#/components/schemas/Problem" }],
                "properties": { "status": { "const": status }, "code": { "enum": words } },
            },
            "examples": examples,
        } },
    })
}

/// The `field` of a problem with these codes, in examples.
const FIELDS: [(Code, &str); 8] = [
    (Code::IdempotencyKeyRequired, "Idempotency-Key"),
    (Code::IdempotencyConflict, "Idempotency-Key"),
    (Code::QuoteNotFound, "quote_id"),
    (Code::QuoteExpired, "quote_id"),
    (Code::InvalidDestination, "destination"),
    (Code::UnsupportedAsset, "asset"),
    (Code::UnsupportedRoute, "network_hint"),
    (Code::AmountOutOfRange, "amount"),
];

/// An example of a problem with this code.
fn example_problem(code: Code) -> Problem {
    if code == Code::QuoteAlreadyUsed {
        return Problem::quote_already_used(PayoutId(Uuid::from_u128(
            0x0192_f0c1_d2e3_7485_96a7_b8c9_d0e1_f203,
        )));
    }
    let problem = Problem::new(code, code.remedy());
    match FIELDS.iter().find(|(one, _)| *one == code) {
        Some((_, field)) => problem.at(*field),
        None => problem,
    }
}

/// The `components` object of the document.
pub(super) fn components(mut schemas: Schemas) -> Value {
    schemas.sent::<Document<'_>>();
    let mut schemas = schemas.into_components();
    if let Some(problem) = schemas.get_mut("Problem") {
        let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        problem["properties"]["code"]["enum"] = json!(codes);
    }
    let responses = SHARED.map(|(code, name)| (name.to_owned(), problem(&[code], "/payouts/{id}")));
    json!({
        "schemas": schemas,
        "parameters": parameters(),
        "headers": described_headers(),
        "responses": Map::from_iter(responses),
        "securitySchemes": { "apiKey": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "sk_live_… or sk_test_…",
            "description": "The API key: `sk_live_…` moves real money, `sk_test_…` is the sandbox. The bare key \
                            without `Bearer` is accepted, too.",
        } },
    })
}

fn parameters() -> Value {
    let key = |required: bool| {
        json!({
            "name": "Idempotency-Key",
            "in": "header",
            "required": required,
            "description": "Names this request: 1 to 255 visible ASCII characters of your choice, such as a UUID. \
                            The same key with the same body gets the first answer again, byte for byte.",
            "schema": { "type": "string", "pattern": "^[!-~]{1,255}$" },
            "example": "5f0c2b1e-8f55-4f5c-9a53-0d9d3c1f7a11",
        })
    };
    json!({
        "RequiredIdempotencyKey": key(true),
        "IdempotencyKey": key(false),
        "RequestId": {
            "name": "X-Request-Id",
            "in": "header",
            "required": false,
            "description": "Your own name for the request: 1 to 64 of `A-Z a-z 0-9 . _ -`. Anything else is \
                            replaced by one of ours.",
            "schema": { "type": "string" },
        },
        "PayoutId": {
            "name": "id",
            "in": "path",
            "required": true,
            "description": "The payout's id.",
            "schema": { "$ref": "#/components/schemas/PayoutId" },
        },
        "EndpointId": {
            "name": "id",
            "in": "path",
            "required": true,
            "description": "The webhook endpoint's id.",
            "schema": { "$ref": "#/components/schemas/EndpointId" },
        },
        "IfNoneMatch": {
            "name": "If-None-Match",
            "in": "header",
            "required": false,
            "description": "The `ETag` you have: where the payout is still the same, the answer is 304 without a body.",
            "schema": { "type": "string" },
            "example": "\"2\"",
        },
        "LastEventId": {
            "name": "Last-Event-ID",
            "in": "header",
            "required": false,
            "description": "The id of the last event you got: the stream goes on after it.",
            "schema": { "type": "string" },
            "example": "2",
        },
    })
}

fn described_headers() -> Value {
    let header = |description: &str, schema: Value| json!({ "description": description, "schema": schema });
    let text = || json!({ "type": "string" });
    json!({
        "XRequestId": header("The request's id. Name it when you ask us.", text()),
        "RateLimit": header(
            "How many calls are left to the key now, and in how many seconds all are back (the next one, where none is \
             left). In every answer to a key that is known. Reads and other calls are counted apart.",
            json!({ "type": "string", "examples": ["\"write\";r=150;t=1"] })),
        "RateLimitPolicy": header(
            "How many calls the key may make at once, and in how many seconds they come back.",
            json!({ "type": "string", "examples": ["\"write\";q=200;w=2"] })),
        "RetryAfter": header("After how many seconds to try again.", json!({ "type": "integer", "minimum": 0 })),
        "ETag": header("The payout's sequence in quotes: a strong entity tag.",
            json!({ "type": "string", "pattern": "^\"[1-9][0-9]*\"$" })),
        "Location": header("The path of what was created.", json!({ "type": "string", "format": "uri-reference" })),
        "IdempotentReplayed": header("`true` where this is the answer to an earlier request with the same key.",
            json!({ "type": "string", "const": "true" })),
        "WWWAuthenticate": header("`Bearer`.", text()),
        "Allow": header("The methods that this path has.", text()),
    })
}
